#include "kernels/random/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<RandomFill>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
