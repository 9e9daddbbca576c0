// Every CUDA row on every awkward case of its table, on the emulated GPU, in three orders of its threads.
#include "tests/kernels/rows.h"

#include "kernels/map/cases.h"
#include "tests/simt/simt/machine.h"

namespace sumi::test {
namespace {

void choose_order(int run) {
  constexpr simt::Order orders[] = {simt::Order::forward, simt::Order::reverse, simt::Order::random};
  simt::options().order = orders[run % 3];
}

const bool kRig = [] {
  device_rig() = {.guards = false, .runs = 3, .schedule = choose_order};
  return true;
}();

const bool kRows = register_rows_of<MapForward, MapBackward>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
