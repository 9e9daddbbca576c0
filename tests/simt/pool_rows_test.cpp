#include "kernels/pool/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<PoolForward, PoolBackward>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
