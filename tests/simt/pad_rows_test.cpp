#include "kernels/pad/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<PadForward, PadBackward>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
