#include "kernels/reduce/reduce.h"

#include "kernels/reduce/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Reduce>();

}  // namespace
}  // namespace sumi::test
