#include "kernels/loss/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows =
    register_rows_of<LossForward, LossBackward, TotalVariationForward, TotalVariationBackward>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
