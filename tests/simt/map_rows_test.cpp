#include "kernels/map/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<MapForward, MapBackward>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
