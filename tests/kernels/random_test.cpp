#include "kernels/random/random.h"

#include "kernels/random/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<RandomFill>();

}  // namespace
}  // namespace sumi::test
