// The whole rungs that docs/kernels writes out to be copied: each is put where its page says and compiled, in a scratch
// copy of the op's folder, against the emulator's headers.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace {

#ifdef SUMI_CUDA_HEADERS

namespace fs = std::filesystem;
const fs::path kRoot = SUMI_SOURCE_DIR;

std::string read(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The next block of C++ from `at` on, which then stands behind it.
std::string next_block(const std::string& page, std::size_t& at) {
  const std::string open = "```cpp\n";
  const auto begin = page.find(open, at) + open.size();
  at = page.find("```", begin);
  return page.substr(begin, at - begin);
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

/// The original with `part` before the last `mark`, or after the first.
void write_with(const fs::path& from, const fs::path& to, const std::string& part, const std::string& mark,
                bool before) {
  const std::string text = read(from);
  const auto at = before ? text.rfind(mark) : text.find(mark);
  ASSERT_NE(at, std::string::npos) << from << " has no " << mark;
  write(to, std::string(text).insert(before ? at : at + mark.size(), part));
}

TEST(WorkedRungs, Compile) {
  const fs::path scratch = fs::temp_directory_path() / ("sumi_rungs_" + std::to_string(getpid()));
  const std::regex place("1\\. `(kernels/\\w+)/(\\w+\\.cu)`:\n");
  int rungs = 0;
  for (const auto& entry : fs::directory_iterator(kRoot / "docs/kernels")) {
    const std::string page = read(entry.path());
    std::smatch m;
    if (entry.path().extension() != ".md" || !std::regex_search(page, m, place)) continue;
    rungs++;
    const fs::path folder = m[1].str(), source = folder / m[2].str();
    auto at = static_cast<std::size_t>(m.position() + m.length());
    write(scratch / source, next_block(page, at));
    write_with(kRoot / folder / "rows.h", scratch / folder / "rows.h", next_block(page, at), "}  // namespace cuda",
               true);
    write_with(kRoot / folder / "tables.cpp", scratch / folder / "tables.cpp", next_block(page, at),
               "[] = {\n#if SUMI_CUDA\n", false);
    std::string command = SUMI_CXX " -std=c++20 -x c++ -fsyntax-only -Wall -Wextra -Wconversion -Werror";
    command += " -Wno-missing-field-initializers -Wno-unknown-pragmas -Wno-unused-function -DSUMI_CUDA=1 -I" +
               scratch.string();
    command += " -I" + (kRoot / "tests/simt").string() + " -I" + kRoot.string() + " -isystem " SUMI_CUDA_HEADERS;
    for (const fs::path& file : {source, folder / "tables.cpp"})
      EXPECT_EQ(std::system((command + ' ' + (scratch / file).string()).c_str()), 0) << entry.path() << ": " << file;
  }
  EXPECT_EQ(rungs, 4);
  fs::remove_all(scratch);
}

#else

TEST(WorkedRungs, Compile) { GTEST_SKIP() << "CUDA's headers were not found"; }

#endif

}  // namespace
