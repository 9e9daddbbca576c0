#include "tests/simt/race_f16.h"

#include <algorithm>

namespace simt::race {
namespace {

constexpr std::string_view kBf16 = "_bf16", kF16 = "_f16";

/// The names of each suite's tests.
std::map<std::string, std::set<std::string>> all_tests() {
  std::map<std::string, std::set<std::string>> names;
  const testing::UnitTest& all = *testing::UnitTest::GetInstance();
  for (int i = 0; i < all.total_test_suite_count(); i++) {
    const testing::TestSuite& suite = *all.GetTestSuite(i);
    for (int k = 0; k < suite.total_test_count(); k++) names[suite.name()].insert(suite.GetTestInfo(k)->name());
  }
  return names;
}

bool any_ends_with(const std::set<std::string>& names, std::string_view end) {
  return std::ranges::any_of(names, [&](const std::string& n) { return n.ends_with(end); });
}

}  // namespace

void KernelsOfTests::OnTestEnd(const testing::TestInfo& t) {
  const std::string_view name = t.name();
  for (const std::string& kernel : launched_) {
    if (!name.ends_with(kBf16) || kernel.find("__nv_bfloat16") == std::string::npos) continue;
    const Test test{t.test_suite_name(), t.name(), t.result()->elapsed_time()};
    const auto [known, fresh] = cheapest_.try_emplace(kernel, test);
    if (!fresh && test.milliseconds < known->second.milliseconds) known->second = test;
  }
  launched_.clear();
}

std::string KernelsOfTests::f16_filter() const {
  const auto tests = all_tests();
  std::set<std::string> chosen;
  for (const auto& [kernel, test] : cheapest_) {
    const std::string twin = test.name.substr(0, test.name.size() - kBf16.size()).append(kF16);
    if (tests.at(test.suite).contains(twin)) chosen.insert(test.suite + '.' + twin);
  }
  for (const auto& [suite, names] : tests)
    if (!any_ends_with(names, kBf16) && any_ends_with(names, kF16)) chosen.insert(suite + ".*" + std::string(kF16));
  std::string filter;
  for (const std::string& name : chosen) filter += name + ':';
  return filter;
}

}  // namespace simt::race
