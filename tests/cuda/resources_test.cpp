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

/// Which PTX instructions a file's kernels must hold, by what its source includes.
TEST(Cuda, TensorCoreKernelsHoldTheirInstructions) {
  const std::vector<std::pair<std::string, std::string>> wanted{{"/run_mma.h\"", "mma.sync.aligned.m16n8k"},
                                                                {"/run_mma.h\"", "ldmatrix.sync.aligned"},
                                                                {"/run_mma.h\"", "cp.async.cg"},
                                                                {"Tf32", "mma.sync.aligned.m16n8k8"},
                                                                {"/thin_part.h\"", "mma.sync.aligned.m16n8k16"},
                                                                {"/thin_part.h\"", "mma.sync.aligned.m16n8k8"},
                                                                {"/thin_part.h\"", "ldmatrix.sync.aligned"},
                                                                {"/tile_wgmma.h\"", "wgmma.mma_async"},
                                                                {"/tile_wgmma.h\"", "cp.async.bulk.tensor"},
                                                                {"/tile_wgmma.h\"", "setmaxnreg.inc"},
                                                                {"/columns_wgmma.h\"", "global.im2col"}};
  int checked = 0;
  for (const auto& e : fs::recursive_directory_iterator(SUMI_OBJECTS)) {
    const std::string name = e.path().string();
    if (!name.ends_with(".cu.o")) continue;
    const auto at = name.rfind("/kernels/");
    const fs::path source = fs::path(SUMI_SOURCE_DIR) / name.substr(at + 1, name.size() - at - 3);
    const auto whole = [](const fs::path& p) {
      std::ifstream in(p, std::ios::binary);
      std::stringstream s;
      s << in.rdbuf();
      return s.str();
    };
    const std::string text = whole(source), object = whole(e.path());
    for (const auto& [call, instruction] : wanted) {
      if (text.find(call) == std::string::npos) continue;
      checked++;
      EXPECT_NE(object.find(instruction), std::string::npos)
          << source << " includes " << call << ", but its PTX has no " << instruction;
    }
  }
  if (checked == 0) GTEST_SKIP() << "no kernel uses tensor cores";
}

}  // namespace
