// Runs the program in a temporary folder, as a person would.
#pragma once
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "apps/image.h"
#include "gan/faststyle.h"
#include "gan/vgg.h"
#include "nn/safetensors.h"

namespace sumi::test {

namespace fs = std::filesystem;

inline std::string contents_of(const fs::path& p) {
  std::ifstream in(p, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const fs::path& p, const std::string& bytes) { std::ofstream(p, std::ios::binary) << bytes; }

/// A folder that goes away with the test; the program runs in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "sumi-test-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  const fs::path& path() const { return path_; }
  /// Names in the folder, hidden ones too: nothing temporary may stay behind.
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& e : fs::directory_iterator(path_)) all.push_back(e.path().filename().string());
    std::ranges::sort(all);
    return all;
  }

 private:
  fs::path path_;
};

struct Outcome {
  int code = -1;  // 128 + signal when it was killed by one
  std::string out, err;
};

/// A running program. `environment` entries are NAME=value.
class Running {
 public:
  Running(const TemporaryFolder& folder, std::vector<std::string> arguments,
          const std::vector<std::string>& environment = {})
      : out_(folder.path().string() + ".out"), err_(folder.path().string() + ".err") {
    arguments.insert(arguments.begin(), SUMI_PROGRAM);
    std::vector<char*> argv;
    for (auto& a : arguments) argv.push_back(a.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ != 0) return;
    for (const auto& e : environment) putenv(const_cast<char*>(e.c_str()));
    if (!freopen(out_.c_str(), "w", stdout) || !freopen(err_.c_str(), "w", stderr)) _exit(99);
    if (chdir(folder.path().c_str()) != 0) _exit(99);
    execv(SUMI_PROGRAM, argv.data());
    _exit(99);
  }
  pid_t pid() const { return pid_; }
  std::string err_so_far() const { return contents_of(err_); }
  Outcome wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    Outcome o{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), contents_of(out_), contents_of(err_)};
    fs::remove(out_);
    fs::remove(err_);
    return o;
  }

 private:
  fs::path out_, err_;
  pid_t pid_;
};

inline Outcome run_sumi(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                        const std::vector<std::string>& environment = {}) {
  return Running(folder, arguments, environment).wait();
}

/// What the program says of its own accord where it could use a GPU and there is none.
inline const std::string kUsesTheCpu = "; using the CPU\n";

/// The error is one or two lines, begins with "sumi: ", and has all the words. Before it may stand the line that says
/// why the CPU is used.
inline void expect_error(const Outcome& o, int code, const std::vector<std::string>& words) {
  const auto note = o.err.find(kUsesTheCpu);
  const std::string error = note == o.err.npos ? o.err : o.err.substr(note + kUsesTheCpu.size());
  EXPECT_EQ(o.code, code) << o.err;
  EXPECT_TRUE(error.starts_with("sumi: ")) << o.err;
  EXPECT_LE(std::ranges::count(error, '\n'), 2) << o.err;
  EXPECT_EQ(o.err.find("exception"), std::string::npos) << o.err;
  EXPECT_EQ(o.err.find("std::"), std::string::npos) << o.err;
  for (const auto& w : words) EXPECT_NE(o.err.find(w), std::string::npos) << "'" << w << "' is not in: " << o.err;
}

/// A picture whose every pixel differs from its neighbours.
inline Image test_picture(int width, int height, bool alpha = false) {
  Image image{width, height, {}, {}};
  for (int i = 0; i < width * height; i++) {
    for (const int k : {37, 91, 53}) image.rgb.push_back(static_cast<std::uint8_t>(i * k % 251));
    if (alpha) image.alpha.push_back(static_cast<std::uint8_t>(i * 29 % 256));
  }
  return image;
}

/// A tiny faststyle network with random weights, as a file.
inline void write_tiny_model(const fs::path& path) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
  const Faststyle network(context, 3, {.width1 = 4, .width2 = 4, .width3 = 8, .blocks = 1});
  save_safetensors(path.string(), network.state_dict(), {{"architecture", "faststyle"}});
}

/// VGG-16's trunk up to `last` with random weights, as a file; all zeros without a seed.
inline void write_vgg(const fs::path& path, std::string_view last, std::optional<std::uint64_t> seed = 1) {
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 1});
  save_safetensors(path.string(), Vgg(context, VggDepth::vgg16, seed, last).state_dict(DType::f16), {});
}

}  // namespace sumi::test
