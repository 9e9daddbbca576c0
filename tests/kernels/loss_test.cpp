#include "kernels/loss/loss.h"

#include "kernels/loss/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<LossForward, LossBackward, TotalVariationForward, TotalVariationBackward>();

}  // namespace
}  // namespace sumi::test
