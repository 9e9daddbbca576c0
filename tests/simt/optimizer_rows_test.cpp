#include "kernels/optimizer/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<OptimizerStep>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
