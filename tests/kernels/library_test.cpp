// What rows of GPU libraries rest on and a machine without a GPU can check: how libraries are found, answers kept, and
// products and convolutions described.
#include "kernels/device/library.h"

#include "kernels/conv2d/cases.h"
#include "kernels/conv2d/graph_problem.h"
#include "kernels/conv2d/reference.h"
#include "kernels/device/answers.h"
#include "kernels/device/fastest.h"
#include "kernels/gemm/cases.h"
#include "kernels/gemm/column_major.h"
#include "kernels/gemm/rows.h"
#include "tests/kernels/rows.h"

namespace sumi::test {
namespace {

TEST(Library, ListedFoldersComeFirst) {
  EXPECT_EQ(
      device::library_paths("libx.so.1", "/a:/b/lib", "/usr/local/cuda"),
      (std::vector<std::string>{"/a/libx.so.1", "/b/lib/libx.so.1", "libx.so.1", "/usr/local/cuda/lib64/libx.so.1"}));
  EXPECT_EQ(device::library_paths("libx.so.1", ":/a::", ""), (std::vector<std::string>{"/a/libx.so.1", "libx.so.1"}));
}

TEST(Library, AbsentOnesSaySo) {
  const device::Library none({"libnot_there.so.7", "libnot_there.so.6"});
  EXPECT_FALSE(none.found());
  EXPECT_EQ(none.text(), "libnot_there.so.7 not found");
  EXPECT_EQ(none.function<int()>("anything"), nullptr);
}

TEST(Library, FunctionsAreFound) {
  const device::Library c({"libnot_there.so.7", "libc.so.6"});
  ASSERT_TRUE(c.found());
  EXPECT_EQ(c.text(), "libc.so.6");
  auto* length = c.function<std::size_t(const char*)>("strlen");
  ASSERT_NE(length, nullptr);
  EXPECT_EQ(length("four"), 4u);
  EXPECT_EQ(c.function<int()>("no_such_function_in_libc"), nullptr);
}

TEST(Library, AFileThatIsNoLibraryIsNamed) {
  const std::string folder = testing::TempDir();
  std::FILE* f = std::fopen((folder + "/libnot_elf.so.1").c_str(), "w");
  ASSERT_NE(f, nullptr);
  std::fputs("text", f);
  std::fclose(f);
  setenv("SUMI_CUDA_LIBRARIES", folder.c_str(), 1);
  const device::Library broken({"libnot_elf.so.1"});
  unsetenv("SUMI_CUDA_LIBRARIES");
  EXPECT_FALSE(broken.found());
  EXPECT_NE(broken.text().find("libnot_elf.so.1"), std::string::npos) << broken.text();
  EXPECT_EQ(broken.text().find("not found"), std::string::npos) << broken.text();
}

TEST(Answers, AreAskedForOnce) {
  device::Answers<int> answers(2);
  int asked = 0;
  const auto ask = [&](int value) {
    return [&asked, value]() -> std::shared_ptr<const int> {
      asked++;
      return value ? std::make_shared<int>(value) : nullptr;
    };
  };
  EXPECT_EQ(*answers.find("yes", ask(7)), 7);
  EXPECT_EQ(answers.find("no", ask(0)), nullptr);
  EXPECT_EQ(answers.find("no", ask(5)), nullptr) << "a no must be remembered";
  EXPECT_EQ(*answers.find("yes", ask(5)), 7);
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(*answers.find("third", ask(3)), 3);  // no room: all are forgotten
  EXPECT_EQ(*answers.find("no", ask(5)), 5);
}

TEST(Answers, AnExceptionIsNoAnswer) {
  device::Answers<int> answers;
  EXPECT_THROW(answers.find("x", []() -> std::shared_ptr<const int> { fail("broken"); }), Error);
  EXPECT_EQ(*answers.find("x", [] { return std::make_shared<const int>(1); }), 1);
}

TEST(Fastest, TakesTheOneWithLeastWork) {
  Context ctx(ContextOptions{.threads = 1});
  volatile double sink = 0;
  const auto work = [&](std::size_t i) {
    if (i == 1) fail("candidate 1 cannot run");
    for (int k = 0; k < (i == 2 ? 100 : 200000); k++) sink = sink + k;
  };
  EXPECT_EQ(device::fastest(ctx, 4, work), 2u);
  EXPECT_THROW(device::fastest(ctx, 3, [](std::size_t) { fail("none can run"); }), Error);
}

/// y = op(left) op(right) + bias, of column-major matrices, element by element.
void multiply(const Gemm& g, const ColumnMajorProduct& c, const std::vector<float>& left,
              const std::vector<float>& right, const std::vector<float>& bias, std::vector<float>& y) {
  const auto at = [](const ColumnMajor& m, std::int64_t batch, std::int64_t row, std::int64_t column) {
    if (m.transposed) std::swap(row, column);
    EXPECT_LT(row, m.rows);
    EXPECT_LT(column, m.columns);
    return static_cast<std::size_t>(batch * m.batch_stride + column * m.ld + row);
  };
  const std::int64_t inner = c.left.transposed ? c.left.rows : c.left.columns;
  for (std::int64_t b = 0; b < g.batch; b++)
    for (std::int64_t n = 0; n < c.y.rows; n++)
      for (std::int64_t m = 0; m < c.y.columns; m++) {
        double sum = 0;
        for (std::int64_t k = 0; k < inner; k++)
          sum += static_cast<double>(left[at(c.left, b, n, k)]) * static_cast<double>(right[at(c.right, b, k, m)]);
        y[at(c.y, b, n, m)] =
            static_cast<float>(g.alpha * sum) + (bias.empty() ? 0.f : bias[static_cast<std::size_t>(n)]);
      }
}

std::vector<float> integers(std::int64_t count, unsigned seed) {
  std::mt19937 rng(seed);
  std::vector<float> v(static_cast<std::size_t>(count));
  for (float& x : v) x = static_cast<float>(std::uniform_int_distribution<int>(-3, 3)(rng));
  return v;
}

TEST(ColumnMajor, ReadsRowMajorOperandsRight) {
  Context ctx(ContextOptions{.threads = 1});
  for (const Case<Gemm>& c : Cases<Gemm>::awkward()) {
    Gemm g = c.args;
    if (g.flops() > 1e6) continue;
    SCOPED_TRACE(g.key());
    const bool has_bias = c.without.empty();
    auto a = integers((g.shared_a ? 1 : g.batch) * g.M * g.K, 1),
         b = integers((g.shared_b ? 1 : g.batch) * g.K * g.N, 2), bias = integers(has_bias ? g.N : 0, 3);
    std::vector<float> y(static_cast<std::size_t>(g.batch * g.M * g.N)), want = y;
    multiply(g, column_major(g), b, a, bias, y);
    g.a = {a.data()}, g.b = {b.data()}, g.y = {want.data()};
    if (has_bias) g.bias = {bias.data()};
    gemm_reference(g, ctx);
    EXPECT_EQ(y, want);
  }
}

/// The convolution as its description says: dims in the order N,C,H,W, places by strides.
std::vector<float> convolve(const Conv2dDims& d, const std::vector<float>& x, const std::vector<float>& w) {
  using namespace cudnn;
  const Layout lx = x_layout(d), lw = w_layout(d), ly = y_layout(d);
  const Geometry g = geometry_of(d);
  const auto at = [](const Layout& l, std::array<std::int64_t, 4> i) {
    std::int64_t place = 0;
    for (std::size_t k = 0; k < 4; k++) place += i[k] * l.strides[k];
    return static_cast<std::size_t>(place);
  };
  const std::int64_t groups = lx.dims[1] / lw.dims[1], per_group = lw.dims[0] / groups;
  std::array<std::int64_t, 2> sides;
  for (std::size_t i = 0; i < 2; i++)
    sides[i] =
        (lx.dims[i + 2] + g.before[i] + g.after[i] - g.dilations[i] * (lw.dims[i + 2] - 1) - 1) / g.strides[i] + 1;
  EXPECT_EQ(ly.dims, (std::array<std::int64_t, 4>{lx.dims[0], lw.dims[0], sides[0], sides[1]}));
  std::vector<float> y(static_cast<std::size_t>(d.y_count()));
  for (std::int64_t n = 0; n < ly.dims[0]; n++)
    for (std::int64_t k = 0; k < ly.dims[1]; k++)
      for (std::int64_t p = 0; p < ly.dims[2]; p++)
        for (std::int64_t q = 0; q < ly.dims[3]; q++)
          for (std::int64_t c = 0; c < lw.dims[1]; c++)
            for (std::int64_t r = 0; r < lw.dims[2]; r++)
              for (std::int64_t s = 0; s < lw.dims[3]; s++) {
                const std::int64_t h = p * g.strides[0] - g.before[0] + r * g.dilations[0],
                                   v = q * g.strides[1] - g.before[1] + s * g.dilations[1];
                if (h < 0 || v < 0 || h >= lx.dims[2] || v >= lx.dims[3]) continue;
                y[at(ly, {n, k, p, q})] +=
                    x[at(lx, {n, k / per_group * lw.dims[1] + c, h, v})] * w[at(lw, {k, c, r, s})];
              }
  return y;
}

TEST(GraphProblem, DescribesTheConvolution) {
  Context ctx(ContextOptions{.threads = 1});
  int checked = 0;
  for (const Conv2dDims& d : all_awkward_dims(true)) {
    if (d.flops() > 1e6) continue;
    SCOPED_TRACE(d.key());
    auto x = integers(d.x_count(), 1), w = integers(d.w_count(), 2);
    std::vector<float> want(static_cast<std::size_t>(d.y_count()));
    Conv2dForward a{.d = d};
    a.x = {x.data()}, a.w = {w.data()}, a.y = {want.data()};
    conv2d_forward_reference(a, ctx);
    EXPECT_EQ(convolve(d, x, w), want);
    checked++;
  }
  EXPECT_GT(checked, 15);
}

TEST(GraphProblem, RefusesWhatAGraphCannotSay) {
  float storage[4] = {};
  const TensorRef t{storage};
  const Conv2dDims d{.N = 1, .H = 8, .W = 8, .C = 4, .K = 4, .R = 3, .S = 3, .pad = Pad4::all(1)};
  const auto with = [&](auto change) {
    Conv2dForward a{.d = d};
    a.x = a.w = a.y = t;
    change(a);
    return cudnn::expressible(a);
  };
  EXPECT_TRUE(with([](auto&) {}));
  EXPECT_TRUE(with([&](auto& a) { a.epilogue.bias = t, a.epilogue.act = Map::sigmoid; }));
  EXPECT_TRUE(with([](auto& a) { a.d.pad = {}, a.d.pad_mode = PadMode::reflect; })) << "no padding has no mode";
  EXPECT_FALSE(with([](auto& a) { a.d.pad_mode = PadMode::reflect; }));
  EXPECT_FALSE(with([](auto& a) { a.d.pad_mode = PadMode::replicate; }));
  EXPECT_FALSE(with([&](auto& a) { a.prologue.scale = a.prologue.shift = t; }));
  EXPECT_FALSE(with([&](auto& a) { a.epilogue.residual = t; }));
  EXPECT_FALSE(with([&](auto& a) { a.epilogue.mean = a.epilogue.var = t; }));
  EXPECT_FALSE(with([](auto& a) { a.epilogue.act = Map::exp; }));
  EXPECT_FALSE(with([](auto& a) { a.w.dtype = DType::bf16; }));
}

TEST(GraphProblem, KeyHoldsWhatDecidesOnAPlan) {
  alignas(128) char storage[256] = {};
  const Conv2dDims d{.N = 1, .H = 8, .W = 8, .C = 4, .K = 4};
  Conv2dForward a{.d = d};
  a.x = a.w = a.y = {storage, DType::bf16};
  const std::string plain = cudnn::problem_of(a).key();
  EXPECT_EQ(cudnn::problem_of(a).alignment, 128);
  a.w.data = storage + 48;
  EXPECT_EQ(cudnn::problem_of(a).alignment, 16);
  EXPECT_NE(cudnn::problem_of(a).key(), plain);
  a.w.data = storage;
  a.epilogue.act = Map::leaky_relu, a.epilogue.a = 0.1;
  const std::string tenth = cudnn::problem_of(a).key();
  a.epilogue.a = 0.2;
  EXPECT_NE(cudnn::problem_of(a).key(), tenth);
  Conv2dBackwardWeight b{.d = d};
  b.x = b.dy = b.dw = {storage, DType::bf16};
  const std::string narrow = cudnn::problem_of(b).key();
  b.dw.dtype = DType::f32;
  EXPECT_NE(cudnn::problem_of(b).key(), narrow);
}

/// Rows of libraries on a machine where they cannot work: listed, and refusing.
template <class Args>
void expect_refusal(std::string_view name) {
  Case<Args> c = Cases<Args>::realistic().front();
  for (const Operand& o : c.args.operands()) *o.ref = {};
  for (const Variant<Args>& row : Args::table()) {
    if (row.name != name) continue;
    EXPECT_FALSE(can_run(row, c.args, DeviceInfo{.kind = DeviceKind::cuda})) << Args::op;
  }
}

TEST(LibraryRows, RefuseWithoutAGpu) {
  if (device::availability().count > 0) GTEST_SKIP() << "there is a GPU here";
  expect_refusal<Gemm>("cublaslt");
  expect_refusal<Conv2dForward>("cudnn");
  expect_refusal<Conv2dBackwardInput>("cudnn");
  expect_refusal<Conv2dBackwardWeight>("cudnn");
}

}  // namespace
}  // namespace sumi::test
