#include "kernels/map/map.h"

#include "kernels/map/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<MapForward, MapBackward>();

}  // namespace
}  // namespace sumi::test
