#include "kernels/conv2d/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Conv2dForward, Conv2dBackwardInput, Conv2dBackwardWeight>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
