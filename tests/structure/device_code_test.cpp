// Device code that nvcc and the emulator's compiler both take: what only one of them has stays out of the kernels.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>

namespace {

namespace fs = std::filesystem;
const fs::path kKernels = fs::path(SUMI_SOURCE_DIR) / "kernels";

/// Calls check(path from kernels/, line) for every line of CUDA sources and the headers that only they include.
template <class F>
int for_each_device_line(F check) {
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kKernels)) {
    const std::string path = fs::relative(entry.path(), kKernels).string(), type = entry.path().extension().string();
    if (type != ".cu" && type != ".cuh" && type != ".h") continue;
    std::ifstream in(entry.path());
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (type == ".h" && text.find("__device__") == std::string::npos) continue;
    files++;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) check(path, line.substr(0, line.find("//")));
  }
  return files;
}

TEST(DeviceCode, LaunchesThroughLaunch) {
  const int files = for_each_device_line([](const std::string& path, const std::string& line) {
    EXPECT_TRUE(path == "device/nvcc.h" || line.find("<<<") == std::string::npos) << path << ": " << line;
  });
  EXPECT_GT(files, 5);
}

TEST(DeviceCode, InlineAssemblyStandsInThreeHeaders) {
  const std::regex assembly("\\basm\\b"), home("device/(intrin|hopper|wgmma)\\.h");
  for_each_device_line([&](const std::string& path, const std::string& line) {
    EXPECT_TRUE(std::regex_match(path, home) || !std::regex_search(line, assembly)) << path << ": " << line;
  });
}

TEST(DeviceCode, UsesNoLibraryInsideKernels) {
  const std::regex library("cooperative_groups|\\bcub\\b|\\bthrust\\b|cuda/(std|barrier|pipeline)|__noinline__");
  for_each_device_line([&](const std::string& path, const std::string& line) {
    EXPECT_FALSE(std::regex_search(line, library)) << path << ": " << line;
  });
}

TEST(DeviceCode, TakesDynamicSharedMemoryByDynSmem) {
  const std::regex declared("extern\\s+__shared__");
  for_each_device_line([&](const std::string& path, const std::string& line) {
    EXPECT_TRUE(path == "device/nvcc.h" || !std::regex_search(line, declared)) << path << ": " << line;
  });
}

}  // namespace
