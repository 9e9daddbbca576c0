#include "kernels/resample/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<ResampleForward, ResampleBackward, PixelShuffle>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
