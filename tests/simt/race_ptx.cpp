#include "tests/simt/race_ptx.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "tests/demangled.h"
#include "tests/simt/race_meter.h"

namespace simt::race {
namespace {

namespace fs = std::filesystem;

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

bool is_float(const std::string& opcode) {
  for (const char* type : {".f32", ".f16", ".bf16", ".f64"})
    if (has(opcode, type)) return true;
  return false;
}

/// "kernels/gemm/ladder.cu" of any path that holds it, or "" for others' files.
std::string in_project(const std::string& path) {
  const auto at = path.rfind("/kernels/");
  return at == std::string::npos ? "" : path.substr(at + 1);
}

std::string unquoted(const std::string& s) { return s.size() > 2 ? s.substr(1, s.size() - 2) : s; }

/// One architecture's module: its kernels by mangled name and place. A place is "file:line", and after a space that of
/// the caller where the function was inlined; files are numbers until their table, at the module's end, is read.
struct Module {
  std::map<std::string, std::map<std::string, Instructions>> kernels;
  std::map<std::string, std::string> files;
  std::string kernel, place;

  void read_line(const std::string& line);
  void read_place(const std::string& line);
  std::string source_of(const std::string& where) const;
};

/// ".loc 2 13 33, function_name NAME, inlined_at 1 26 5"
void Module::read_place(const std::string& line) {
  std::istringstream in(line.substr(4));
  std::string file, number, word;
  in >> file >> number;
  place = file + ':' + number;
  while (in >> word)
    if (word == "inlined_at" && in >> file >> number) place += ' ' + file + ':' + number;
}

void Module::read_line(const std::string& line) {
  const auto first = line.find_first_not_of(" \t{");
  if (first == std::string::npos) return;
  const std::string text = line.substr(first);
  std::istringstream in(text);
  std::string word, name;
  in >> word;
  if (word == ".entry" || word == ".visible") {
    if (word == ".visible") in >> word;
    in >> name;
    kernel = name.substr(0, name.find('('));
    place.clear();
  } else if (word == ".file") {
    in >> name >> word;
    files[name] = in_project(unquoted(word));
  } else if (word == ".loc") {
    read_place(text);
  } else if (word == ".section") {
    kernel.clear();
  } else if (!kernel.empty() && word[0] != '.' && word[0] != '$' && word[0] != '}') {
    if (word[0] == '@') in >> word;
    if (const std::string kind = kind_of(word.substr(0, word.find(';'))); !kind.empty()) kernels[kernel][place][kind]++;
  }
}

/// The line, of this project; of a device function of all kernels also the one that called it, as for traffic.
std::string Module::source_of(const std::string& where) const {
  std::istringstream in(where);
  std::string text;
  for (std::string one; in >> one;) {
    const auto colon = one.find(':');
    const auto file = files.find(one.substr(0, colon));
    if (file == files.end() || file->second.empty()) continue;
    text += (text.empty() ? "" : ", called from ") + file->second + one.substr(colon);
    if (!file->second.starts_with("kernels/device/")) break;
  }
  return text.empty() ? "elsewhere" : text;
}

void read_object(const fs::path& path, Ptx& kernels) {
  std::ifstream in(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const std::string start = ".version ", target = ".target ", source = in_project(path.string());
  for (auto at = bytes.find(start); at != std::string::npos; at = bytes.find(start, at + 1)) {
    const std::string text = bytes.substr(at, bytes.find('\0', at) - at);
    if (!has(text, target.c_str())) continue;
    Module module;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) module.read_line(line);
    for (const auto& [name, places] : module.kernels) {
      KernelPtx& k = kernels[short_name(sumi::test::demangled(name))][source.substr(0, source.rfind(".o"))];
      k.clear();  // modules stand from the oldest architecture to the newest
      for (const auto& [where, instructions] : places)
        for (const auto& [kind, count] : instructions) k[module.source_of(where)][kind] += count;
    }
  }
}

}  // namespace

std::string kind_of(const std::string& opcode) {
  using Kind = std::pair<const char*, const char*>;
  constexpr std::array kinds{Kind{"mma.", "tensor"},
                             Kind{"wgmma.mma", "tensor"},
                             Kind{"wgmma.", "sync"},
                             Kind{"ldmatrix", "shared"},
                             Kind{"cp.async.wait", "sync"},
                             Kind{"cp.async.commit", "sync"},
                             Kind{"cp.async", "copy"},
                             Kind{"ld.global", "global"},
                             Kind{"st.global", "global"},
                             Kind{"red.", "global"},
                             Kind{"atom.", "global"},
                             Kind{"ld.shared", "shared"},
                             Kind{"st.shared", "shared"},
                             Kind{"bar.", "sync"},
                             Kind{"barrier", "sync"},
                             Kind{"mbarrier", "sync"},
                             Kind{"shfl", "sync"},
                             Kind{"vote", "sync"},
                             Kind{"fence", "sync"},
                             Kind{"membar", "sync"},
                             Kind{"bra", "branch"},
                             Kind{"ret", ""},
                             Kind{"ld.param", ""},
                             Kind{"mov.", ""},
                             Kind{"cvta", ""},
                             Kind{"cvt.", "convert"},
                             Kind{"setmaxnreg", "sync"}};
  for (const auto& [prefix, kind] : kinds)
    if (opcode.starts_with(prefix)) return kind;
  if (opcode.find('.') == std::string::npos) return "";
  if (!is_float(opcode)) return "integer";
  return opcode.starts_with("fma.") ? "fma" : "float";
}

Ptx read_ptx() {
  Ptx kernels;
  if (!fs::exists(SUMI_OBJECTS)) return kernels;
  for (const auto& e : fs::recursive_directory_iterator(SUMI_OBJECTS))
    if (e.path().string().ends_with(".cu.o")) read_object(e.path(), kernels);
  return kernels;
}

}  // namespace simt::race
