#include "kernels/binary/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Binary>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
