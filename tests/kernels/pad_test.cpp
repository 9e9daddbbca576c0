#include "kernels/pad/pad.h"

#include "kernels/pad/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<PadForward, PadBackward>();

}  // namespace
}  // namespace sumi::test
