#include "kernels/transpose/transpose.h"

#include "kernels/transpose/cases.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

const bool kRows = register_row_tests<Transpose>();

TEST(TransposeClosedForm, MovesEveryBit) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  std::vector<float> x{1, -0.f, kInf, 4, 5, -kInf}, y(6);
  Context ctx;
  for (const auto& row : cpu_rows<Transpose>()) {
    row.run({.rows = 2, .columns = 3, .x = {x.data()}, .y = {y.data()}}, ctx);
    const std::vector<float> want{1, 4, -0.f, 5, kInf, -kInf};
    EXPECT_EQ(std::memcmp(y.data(), want.data(), sizeof(float) * 6), 0) << row.name;
  }
}

}  // namespace
}  // namespace sumi::test
