// What nvcc made of the kernels: no spills, the registers and shared memory of the committed table, and the
// tensor-core instructions that the sources ask for.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>

#include "tests/demangled.h"

namespace {

namespace fs = std::filesystem;

struct Resources {
  int registers = 0, shared = 0, spilled = 0;
};
using Table = std::map<std::string, Resources>;  // "file kernel sm_90a"

/// Where the parameter list begins: the first parenthesis outside of template arguments.
std::size_t parameters_of(const std::string& name) {
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); i++) {
    if (name[i] == '<') depth++;
    if (name[i] == '>') depth--;
    if (name[i] == '(' && depth == 0) return i;
  }
  return name.size();
}

/// Without parameters, namespaces and spaces.
std::string kernel_name(const std::string& mangled) {
  std::string out = sumi::test::demangled(mangled);
  out = std::regex_replace(out, std::regex("\\(anonymous namespace\\)::"), "");
  out = out.substr(0, parameters_of(out));
  out = std::regex_replace(out, std::regex("^void |sumi::cuda::|sumi::"), "");
  return std::regex_replace(out, std::regex(" "), "");
}

/// The kernels of one object's log: "Compiling entry function 'N' for 'sm_80'", then spills, then "Used N registers".
void read_log(const fs::path& log, const std::string& file, Table& table) {
  std::ifstream in(log);
  std::string key;
  std::smatch m;
  const std::regex entry("Compiling entry function '([^']+)' for '([^']+)'"),
      spill("(\\d+) bytes spill stores, (\\d+) bytes spill loads"), used("Used (\\d+) registers"),
      shared("(\\d+) bytes smem");
  for (std::string line; std::getline(in, line);) {
    if (std::regex_search(line, m, entry)) key = file + ' ' + kernel_name(m[1]) + ' ' + m[2].str();
    if (key.empty()) continue;
    if (std::regex_search(line, m, spill)) table[key].spilled = std::stoi(m[1]) + std::stoi(m[2]);
    if (std::regex_search(line, m, used)) table[key].registers = std::stoi(m[1]);
    if (std::regex_search(line, m, shared)) table[key].shared = std::stoi(m[1]);
  }
}

Table compiled() {
  Table table;
  for (const auto& e : fs::recursive_directory_iterator(SUMI_OBJECTS)) {
    const std::string name = e.path().string();
    if (!name.ends_with(".cu.o.ptxas")) continue;
    const auto at = name.rfind("/kernels/");
    read_log(e.path(), name.substr(at + 1, name.size() - at - 1 - std::string(".o.ptxas").size()), table);
  }
  return table;
}

std::string text_of(const Table& table) {
  std::ostringstream out;
  out << "# Registers a thread and static shared memory in bytes of every kernel, by nvcc " << SUMI_NVCC_VERSION
      << ". `make cuda-resources` writes it.\n";
  for (const auto& [key, r] : table) out << key << ' ' << r.registers << ' ' << r.shared << '\n';
  return out.str();
}

TEST(Cuda, NoKernelSpills) {
  const Table table = compiled();
  EXPECT_GT(table.size(), 10u);
  for (const auto& [key, r] : table) EXPECT_EQ(r.spilled, 0) << key << " spills " << r.spilled << " bytes";
}

TEST(Cuda, ResourcesAreTheCommittedOnes) {
  const std::string got = text_of(compiled());
  if (std::getenv("SUMI_WRITE_RESOURCES")) {
    std::ofstream(SUMI_RESOURCES) << got;
    return;
  }
  std::ifstream in(SUMI_RESOURCES);
  std::stringstream committed;
  committed << in.rdbuf();
  const auto first_line = [](const std::string& s) { return s.substr(0, s.find('\n')); };
  if (first_line(committed.str()) != first_line(got))
    GTEST_SKIP() << "the table is of another nvcc: " << first_line(committed.str());
  std::istringstream a(committed.str()), b(got);
  std::map<std::string, int> lines;
  for (std::string line; std::getline(a, line);) lines[line]--;
  for (std::string line; std::getline(b, line);) lines[line]++;
  for (const auto& [line, count] : lines)
    EXPECT_EQ(count, 0) << (count < 0 ? "in the table only: " : "compiled now: ") << line << "\n(make cuda-resources)";
}

/// Calls f(architecture, kernel, its PTX) for every kernel of the modules that an object carries.
template <class F>
void for_each_kernel(const fs::path& object, F&& f) {
  std::ifstream in(object, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}}, target = "\n.target ", entry = ".entry ";
  for (auto at = bytes.find(target); at != std::string::npos; at = bytes.find(target, at + 1)) {
    const std::string module = bytes.substr(at + target.size(), bytes.find('\0', at) - at - target.size());
    const std::string architecture = module.substr(0, module.find_first_of(", \n"));
    for (auto k = module.find(entry); k != std::string::npos;) {
      const auto next = module.find(entry, k + 1), name = k + entry.size();
      const auto end = module.find_first_of("( \n", name);
      f(architecture, kernel_name(module.substr(name, end - name)), module.substr(k, next - k));
      k = next;
    }
  }
}

/// An instruction that every kernel whose name matches holds, on architectures that match.
struct Wanted {
  const char *kernel, *architecture, *instruction;
};
constexpr Wanted kWanted[] = {
    {"^multiply_mma<\\w+<__", "", "mma.sync.aligned.m16n8k16"},
    {"^multiply_mma<\\w+<__", "", "ldmatrix.sync.aligned"},
    {"^multiply_mma<\\w+<float", "", "mma.sync.aligned.m16n8k8"},
    {"^multiply_mma<.*,false>$", "", "cp.async.cg"},  // those that are not staged through registers
    {"^convolve_mma<__", "", "mma.sync.aligned.m16n8k16"},
    {"^convolve_mma<float", "", "mma.sync.aligned.m16n8k8"},
    {"^convolve_mma<", "", "ldmatrix.sync.aligned"},
    {"^convolve_rows<__", "", "mma.sync.aligned.m16n8k16"},
    {"^convolve_rows<float", "", "mma.sync.aligned.m16n8k8"},
    {"^convolve_rows<", "", "ldmatrix.sync.aligned"},
    {"^weigh<.*ProductSums<__", "", "mma.sync.aligned.m16n8k16"},
    {"^weigh<.*ProductSums<__", "", "ldmatrix.sync.aligned"},
    {"^weigh<.*ProductSums<float", "", "mma.sync.aligned.m16n8k8"},
    {"^multiply_wgmma<", "sm_90a", "wgmma.mma_async"},
    {"^multiply_wgmma<", "sm_90a", "cp.async.bulk.tensor"},
    {"^multiply_wgmma<", "sm_90a", "setmaxnreg.inc"},
    {"^multiply_wgmma<Wgmma(Image|Weight)<", "sm_90a", "global.im2col"},
    {"^multiply_wgmma<.*WgmmaShape<\\d+,\\d+,2>", "sm_90a", "multicast::cluster"},
    {"^multiply_wgmma<.*WgmmaShape<\\d+,\\d+,2>", "sm_90a", "mapa.shared::cluster"},
    {"^multiply_wgmma<.*WgmmaShape<\\d+,\\d+,2>", "sm_90a", "mbarrier.arrive.shared::cluster"},
    {"^multiply_wgmma<.*WgmmaShape<\\d+,\\d+,2>", "sm_90a", "barrier.cluster.wait.acquire"},
};

TEST(Cuda, TensorCoreKernelsHoldTheirInstructions) {
  std::map<std::string, int> checked, compiled_for;
  for (const auto& e : fs::recursive_directory_iterator(SUMI_OBJECTS)) {
    if (!e.path().string().ends_with(".cu.o")) continue;
    for_each_kernel(e.path(), [&](const std::string& architecture, const std::string& kernel, const std::string& ptx) {
      compiled_for[architecture]++;
      for (const auto& [name, on, instruction] : kWanted) {
        if (architecture.find(on) == std::string::npos || !std::regex_search(kernel, std::regex(name))) continue;
        checked[std::string(name) + instruction]++;
        EXPECT_NE(ptx.find(instruction), std::string::npos)
            << kernel << " has no " << instruction << " on " << architecture;
      }
    });
  }
  EXPECT_FALSE(compiled_for.empty());
  for (const auto& [name, on, instruction] : kWanted) {
    const bool compiled = !*on || compiled_for[on] > 0;
    EXPECT_EQ(checked[std::string(name) + instruction] > 0, compiled) << "kernels that match " << name;
  }
}

}  // namespace
