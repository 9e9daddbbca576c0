// The text of a finding: what, where in memory, and both accesses with their source lines.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

#include "tests/simt/race_checker.h"

extern "C" const char __executable_start;

namespace simt::race {
namespace {

std::string program_path() {
  std::array<char, 4096> path{};
  return readlink("/proc/self/exe", path.data(), path.size() - 1) > 0 ? path.data() : "";
}

/// From the folder of the repository on.
std::string shortened(const std::string& path) {
  for (const char* top : {"/tests/simt/", "/kernels/"})
    if (const auto at = path.rfind(top); at != std::string::npos) return path.substr(at + 1);
  return path;
}

/// Of the chain of inlined functions, innermost first: the line itself; of a device function of all kernels also the
/// kernel's that called it. Empty: nothing of the kernels'.
std::string describe(const std::vector<std::string>& chain) {
  std::string text;
  for (const std::string& line : chain) {
    if (line.starts_with("tests/simt/simt/") || line.starts_with('/') || line.starts_with('?')) continue;
    text += (text.empty() ? "" : ", called from ") + line;
    if (!line.starts_with("kernels/device/")) break;
  }
  return text;
}

std::map<std::uint32_t, std::string>& known_sources() {
  static std::map<std::uint32_t, std::string> known;
  return known;
}

/// binutils' addr2line: for each address a line "0x..." and then its chain of "file:line"s.
void ask_addr2line(const std::vector<std::uint32_t>& pcs) {
  std::string command = "addr2line -a -i -e '" + program_path() + '\'';
  for (const std::uint32_t pc : pcs) {
    std::array<char, 16> address{};
    std::snprintf(address.data(), address.size(), " 0x%x", pc - 1);
    command += address.data();
  }
  FILE* const pipe = popen((command + " 2>/dev/null").c_str(), "r");
  std::vector<std::vector<std::string>> chains;
  for (char line[4096]; pipe && std::fgets(line, sizeof line, pipe);) {
    std::string text = line;
    text.erase(text.find_first_of(" \n"));
    if (text.starts_with("0x"))
      chains.emplace_back();
    else if (!chains.empty())
      chains.back().push_back(shortened(text));
  }
  if (pipe) pclose(pipe);
  for (std::size_t i = 0; i < pcs.size(); i++) {
    const std::string text = i < chains.size() ? describe(chains[i]) : "";
    known_sources()[pcs[i]] = text.empty() ? "address " + std::to_string(pcs[i]) : text;
  }
}

/// As written in the source: what a symbol's name holds is its length, the text and a number.
std::string variable_name(const char* symbol) {
  char* text = nullptr;
  const unsigned long length = std::strtoul(symbol, &text, 10);
  return length ? std::string(text, std::min<std::size_t>(length, std::strlen(text))) : symbol;
}

std::string thread_name(unsigned number) {
  const unsigned x = number % blockDim.x, y = number / blockDim.x % blockDim.y,
                 z = number / (blockDim.x * blockDim.y) % blockDim.z,
                 rank = number / (blockDim.x * blockDim.y * blockDim.z);
  const std::string block = cluster_blocks() > 1 ? " of the cluster's block " + std::to_string(rank) : "";
  return "thread " + std::to_string(x) + ',' + std::to_string(y) + ',' + std::to_string(z) + block;
}

}  // namespace

std::uint32_t program_counter(const void* address) {
  return static_cast<std::uint32_t>(static_cast<const char*>(address) - &__executable_start);
}

void load_sources(const std::vector<std::uint32_t>& pcs) {
  std::vector<std::uint32_t> unknown;
  for (const std::uint32_t pc : pcs)
    if (!known_sources().contains(pc)) unknown.push_back(pc);
  for (std::size_t i = 0; i < unknown.size(); i += 1000)
    ask_addr2line({unknown.begin() + static_cast<std::ptrdiff_t>(i),
                   unknown.begin() + static_cast<std::ptrdiff_t>(std::min(unknown.size(), i + 1000))});
}

std::string source_of(std::uint32_t pc) {
  load_sources({pc});
  return known_sources().at(pc);
}

std::string Checker::place_of(const Event& e, const char* at) const {
  if (!e.variable) return "global memory, " + block_text(at);
  return variable_name(e.variable->name) + " + " + std::to_string(at - e.variable->begin) + " of " +
         std::to_string(e.variable->end - e.variable->begin) + " bytes (shared)";
}

std::string Checker::thread_text(const Record& r) const {
  const unsigned thread = r.thread & kNumber;
  return order_.in_block(r.time) ? thread_name(thread) : "another block's thread " + std::to_string(thread);
}

void Checker::report(const Event& e, const char* at, const std::string& what, const std::string& earlier) {
  const char* did = e.kind == Access::read ? "reads" : e.kind == Access::atomic ? "changes atomically" : "writes";
  fail(what + "\n  " + thread_name(e.thread) + ' ' + did + ' ' + std::to_string(e.bytes) + " bytes at " +
       source_of(e.pc) + earlier + "\n  in " + place_of(e, at) + "\n ");
}

void Checker::report_race(const Event& e, const char* at, const Record& earlier, const char* did) {
  const bool flying = earlier.thread & kInFlight;
  const char* what = flying                          ? "asynchronous copy used before its wait"
                     : order_.in_block(earlier.time) ? "race: no barrier between two accesses"
                                                     : "race between blocks";
  report(e, at, what,
         std::string("\n  ") + did + " before by " + thread_text(earlier) + " at " + source_of(earlier.pc));
}

}  // namespace simt::race
