#include "kernels/gemm/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Gemm>(DeviceKind::cuda);

}  // namespace
}  // namespace sumi::test
