#include "kernels/resample/resample.h"

#include "kernels/resample/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<ResampleForward, ResampleBackward, PixelShuffle>();

}  // namespace
}  // namespace sumi::test
