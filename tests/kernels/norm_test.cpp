#include "kernels/norm/norm.h"

#include "kernels/norm/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<NormStats, NormFold, NormApply, NormBackward>();

}  // namespace
}  // namespace sumi::test
