#include "kernels/pool/pool.h"

#include "kernels/pool/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<PoolForward, PoolBackward>();

}  // namespace
}  // namespace sumi::test
