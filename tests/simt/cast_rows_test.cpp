#include "kernels/cast/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Cast>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
