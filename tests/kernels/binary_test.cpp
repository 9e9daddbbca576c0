#include "kernels/binary/binary.h"

#include "kernels/binary/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Binary>();

}  // namespace
}  // namespace sumi::test
