#include "kernels/optimizer/optimizer.h"

#include "kernels/optimizer/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<OptimizerStep>();

}  // namespace
}  // namespace sumi::test
