// The house rules that a machine can check: layers point one way, files stay small, backends and threads stay in place.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = SUMI_SOURCE_DIR;

struct SourceFile {
  std::string path;  // from the root
  std::vector<std::string> lines;
};

bool is_source(const fs::path& p) {
  const std::string e = p.extension().string();
  return e == ".h" || e == ".cpp" || e == ".cuh" || e == ".cu";
}

std::vector<SourceFile> sources_in(const std::vector<std::string>& folders) {
  std::vector<SourceFile> files;
  for (const std::string& folder : folders)
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
      if (!entry.is_regular_file() || !is_source(entry.path())) continue;
      SourceFile f{fs::relative(entry.path(), kRoot).string(), {}};
      std::ifstream in(entry.path());
      for (std::string line; std::getline(in, line);) f.lines.push_back(line);
      files.push_back(std::move(f));
    }
  return files;
}

const std::vector<std::string> kProduct{"kernels", "tensor", "nn", "gan", "apps"};

std::string layer_of(const std::string& path) { return path.substr(0, path.find('/')); }

/// Each layer may include itself and the layers before it.
TEST(Structure, LayersPointOneWay) {
  const std::regex quoted("^\\s*#\\s*include\\s*\"([^\"]+)\"");
  int includes = 0;
  for (const SourceFile& f : sources_in(kProduct))
    for (const std::string& line : f.lines) {
      std::smatch m;
      if (!std::regex_search(line, m, quoted)) continue;
      includes++;
      const auto from = std::find(kProduct.begin(), kProduct.end(), layer_of(f.path));
      const auto to = std::find(kProduct.begin(), kProduct.end(), layer_of(m[1]));
      ASSERT_NE(to, kProduct.end()) << f.path << ": include \"" << m[1] << "\" by its path from the root";
      EXPECT_LE(to - kProduct.begin(), from - kProduct.begin()) << f.path << " includes " << m[1] << ", a layer above";
      EXPECT_TRUE(fs::exists(kRoot / m[1].str())) << f.path << " includes " << m[1] << ", which is not there";
    }
  EXPECT_GT(includes, 50);
}

TEST(Structure, FilesStayUnder500Lines) {
  for (const SourceFile& f : sources_in({"kernels", "tensor", "nn", "gan", "apps", "bench", "tests"}))
    EXPECT_LE(f.lines.size(), 500U) << f.path;
}

/// A pattern that may stand only in the files whose path matches `allowed`.
void expect_only_in(const std::string& pattern, const std::string& allowed) {
  const std::regex bad(pattern), home(allowed);
  for (const SourceFile& f : sources_in(kProduct)) {
    if (std::regex_search(f.path, home)) continue;
    for (std::size_t i = 0; i < f.lines.size(); i++)
      EXPECT_FALSE(std::regex_search(f.lines[i], bad)) << f.path << ':' << i + 1 << ": " << f.lines[i];
  }
}

TEST(Structure, BackendsShowOnlyInTables) {
  expect_only_in("SUMI_(ONEDNN|CUDNN|CUBLASLT)\\b", "tables\\.cpp$|^apps/info");
  expect_only_in("include <cudnn", "/cudnn[^/]*$");
  expect_only_in("include <cublas", "/cublas[^/]*$");
}
TEST(Structure, LibrariesAreOpenedInOnePlace) { expect_only_in("dlopen|dlsym", "^kernels/device/library\\.cpp$"); }
TEST(Structure, StbIsIncludedInOneFile) { expect_only_in("include [<\"]stb", "^apps/image\\.cpp$|^apps/stb"); }
TEST(Structure, ThreadsGoThroughParallelFor) {
  expect_only_in("#pragma omp parallel|std::thread|std::async", "^kernels/core/parallel\\.h$");
}
TEST(Structure, LibrariesNeitherPrintNorExit) {
  expect_only_in("\\bstd::(cout|cerr)\\b|\\bf?printf\\(|\\b(std::)?(exit|abort)\\(", "^apps/");
}
TEST(Structure, NothingIsLeftForLater) { expect_only_in("\\b(TODO|FIXME|XXX|HACK)\\b", "^$"); }

}  // namespace
