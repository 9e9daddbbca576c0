#include "kernels/softmax/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<SoftmaxForward, SoftmaxBackward>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
