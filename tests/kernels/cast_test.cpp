#include "kernels/cast/cast.h"

#include "kernels/cast/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Cast>();

}  // namespace
}  // namespace sumi::test
