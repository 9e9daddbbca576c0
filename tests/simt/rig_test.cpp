// How every <op>_rows_test.cpp runs: each CUDA row on each awkward case of its table, in three orders of the emulated
// GPU's threads, which must give the same bits; under AddressSanitizer in one.
#include "tests/kernels/rows.h"
#include "tests/simt/simt/machine.h"

namespace sumi::test {
namespace {

void choose_order(int run) {
  constexpr simt::Order orders[] = {simt::Order::forward, simt::Order::reverse, simt::Order::random};
  simt::options().order = orders[run % 3];
  if (const auto* test = testing::UnitTest::GetInstance()->current_test_info())
    simt::options().seed = std::hash<std::string>{}(test->name());
}

#if defined(__SANITIZE_ADDRESS__)
constexpr int kOrders = 1;  // an overrun is one in any order
#else
constexpr int kOrders = 3;
#endif

const bool kRig = [] {
  device_rig() = {.guards = false, .runs = kOrders, .schedule = choose_order};
  return true;
}();

}  // namespace
}  // namespace sumi::test
