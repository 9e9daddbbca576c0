#include "kernels/softmax/softmax.h"

#include "kernels/softmax/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<SoftmaxForward, SoftmaxBackward>();

}  // namespace
}  // namespace sumi::test
