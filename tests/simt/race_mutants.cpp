#include "tests/simt/race_mutants.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>

#include "tests/simt/race_checker.h"

namespace simt::race {
namespace {

struct BySource {
  bool operator()(const Site& a, const Site& b) const { return text_of(a) < text_of(b); }
};

struct Run {
  std::string test;
  std::int64_t milliseconds;
};

/// Listens to the tests and to the emulator: which tests meet which sites.
class Sites : public Checker, public testing::EmptyTestEventListener {
 public:
  void access(const void* p, std::size_t bytes, Access kind, unsigned thread, const void* pc) override {
    if (checking) Checker::access(p, bytes, kind, thread, pc);
  }
  void host_read(const void* p, std::size_t bytes) override {
    if (checking) Checker::host_read(p, bytes);
  }
  void count(const char* what, const Site& s, std::uint64_t) override {
    if (std::string_view(what) == "synchronisation") met_.insert(s);
  }
  void OnTestEnd(const testing::TestInfo& t) override {
    for (const Site& s : met_)
      runs_[s].push_back({std::string(t.test_suite_name()) + '.' + t.name(), t.result()->elapsed_time()});
    met_.clear();
  }
  const std::map<Site, std::vector<Run>, BySource>& runs() const { return runs_; }
  bool checking = false;

 private:
  std::set<Site, BySource> met_;
  std::map<Site, std::vector<Run>, BySource> runs_;
};

/// Where a site stands in the source tree, as "kernels/gemm/tile_mma.h:12".
std::string place_of(std::string_view file, int line) {
  const auto at = file.rfind("kernels/");
  return std::string(file.substr(at == file.npos ? 0 : at)) + ':' + std::to_string(line);
}

/// The places of all barriers, waits and fences that the kernels' text has.
std::set<std::string> places_in_source() {
  const std::regex call(R"(\b(__sync\w+|wait_for_\w+|fence_\w+)\b[^;]*\()");
  std::set<std::string> places;
  for (const auto& e : std::filesystem::recursive_directory_iterator(SUMI_KERNELS)) {
    const std::string path = e.path().string(), kind = e.path().extension().string();
    if ((kind != ".cu" && kind != ".h") || path.find("/kernels/device/") != path.npos) continue;
    std::ifstream in(path);
    int number = 1;
    for (std::string line; std::getline(in, line); number++)
      if (std::regex_search(line.substr(0, line.find("//")), call)) places.insert(place_of(path, number));
  }
  return places;
}

/// Runs one test without the site, in a process of its own: a mutant may crash or never end.
bool fails_without(const Site& s, const std::string& test) {
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
    alarm(60);
    options().ignored = s;
    GTEST_FLAG_SET(filter, test);
    _exit(RUN_ALL_TESTS() == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    std::printf("slow: %s without %s, ended after a minute, is not counted\n", test.c_str(), text_of(s).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) != 0 : WTERMSIG(status) != SIGALRM;
}

/// Cheap and dear ones in turns: the cheapest often have one step only, and no need of what stands between steps.
std::vector<Run> chosen(std::vector<Run> runs) {
  constexpr std::size_t kTries = 256;
  std::ranges::sort(runs, {}, &Run::milliseconds);
  std::vector<Run> order;
  for (std::size_t step = std::bit_ceil(runs.size()); step > 0; step /= 2)
    for (std::size_t i = step / 2; i < runs.size(); i += step) order.push_back(runs[i]);
  if (order.size() > kTries) order.resize(kTries);
  return order;
}

bool is_noticed(const Site& s, const std::vector<Run>& runs) {
  return std::ranges::any_of(chosen(runs), [&](const Run& r) { return fails_without(s, r.test); });
}

}  // namespace

int count_survivors() {
  Sites sites;
  observer() = &sites;
  auto& listeners = testing::UnitTest::GetInstance()->listeners();
  delete listeners.Release(listeners.default_result_printer());
  listeners.Append(&sites);
  const bool passed = RUN_ALL_TESTS() == 0;
  listeners.Release(&sites);
  sites.checking = true;
  int survivors = passed ? 0 : 1;
  if (!passed) std::printf("tests fail with all barriers in place\n");
  for (const auto& [site, runs] : sites.runs()) {
    if (!passed || is_noticed(site, runs)) continue;
    survivors++;
    std::printf("not noticed: %s deleted (met by %zu tests, %s)\n", text_of(site).c_str(), runs.size(),
                runs[0].test.c_str());
  }
  std::set<std::string> missing = places_in_source();
  for (const auto& [site, runs] : sites.runs()) missing.erase(place_of(site.file, site.line));
  for (const std::string& place : missing) std::printf("not met by any test: %s\n", place.c_str());
  survivors += static_cast<int>(missing.size());
  std::printf("%zu barriers and waits, %d of them not missed\n", sites.runs().size(), survivors);
  observer() = nullptr;
  return survivors;
}

}  // namespace simt::race
