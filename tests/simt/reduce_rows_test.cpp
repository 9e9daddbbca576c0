#include "kernels/reduce/cases.h"
#include "tests/kernels/rows.h"
#include "tests/simt/device_vector.h"

namespace sumi::test {
namespace {

const bool kRows = register_rows_of<Reduce>(DeviceKind::cuda);

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

std::vector<float> reduced(const Variant<Reduce>& row, const Reduce& shape, const std::vector<float>& x) {
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  const DeviceVector in(ctx, x), out(ctx, std::vector<float>(static_cast<std::size_t>(count(shape.y_dims()))));
  Reduce a = shape;
  a.x = in.ref(), a.y = out.ref();
  row.run(a, ctx);
  return out.host();
}

/// Wherever it stands: first or last element, every lane, every part.
TEST(ReduceOnTheGpu, NanStaysInTheMaximum) {
  for (const auto& row : cuda_rows<Reduce>())
    for (const std::int64_t n : {5, 64, 20011})
      for (const std::int64_t at : {std::int64_t{0}, n / 2, n - 1}) {
        std::vector<float> x(static_cast<std::size_t>(n), 3.f);
        x[static_cast<std::size_t>(at)] = kNan;
        const Reduce all{.f = Reduction::max, .dims = {1, 1, 1, 1, n}, .axes = 31};
        EXPECT_TRUE(std::isnan(reduced(row, all, x)[0])) << row.name << ' ' << n << ' ' << at;
        x[static_cast<std::size_t>(at)] = kInf;
        EXPECT_EQ(reduced(row, all, x)[0], kInf) << row.name << ' ' << n << ' ' << at;
      }
}

TEST(ReduceOnTheGpu, MaximumOfMinusInfinities) {
  for (const auto& row : cuda_rows<Reduce>())
    EXPECT_EQ(reduced(row, {.f = Reduction::max, .dims = {1, 1, 1, 2, 40}, .axes = 16}, std::vector<float>(80, -kInf)),
              (std::vector<float>{-kInf, -kInf}))
        << row.name;
}

/// 1 + 2 + ... + n, exactly, in every way that a row is cut.
TEST(ReduceOnTheGpu, SumOfTheFirstNumbers) {
  for (const auto& row : cuda_rows<Reduce>())
    for (const std::int64_t n : {1, 2, 3, 31, 33, 127, 1025, 4097, 5793}) {
      std::vector<float> x(static_cast<std::size_t>(n));
      for (std::size_t i = 0; i < x.size(); i++) x[i] = static_cast<float>(i + 1);
      EXPECT_EQ(reduced(row, {.dims = {1, 1, 1, 1, n}, .axes = 31}, x)[0], static_cast<float>(n * (n + 1) / 2))
          << row.name << ' ' << n;
    }
}

}  // namespace
}  // namespace sumi::test
