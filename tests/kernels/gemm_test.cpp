#include "kernels/gemm/gemm.h"

#include "kernels/gemm/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Gemm>();

}  // namespace
}  // namespace sumi::test
