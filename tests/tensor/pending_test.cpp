// The fused passes of inference give what the recorded ops give.
#include <cmath>

#include "tests/tensor/gradcheck.h"

namespace sumi::test {
namespace {

/// Weights and an input in one dtype.
struct Net {
  Tensor x, w1, b1, weight, bias, w2, b2, up;
  explicit Net(DType t)
      : x(random_tensor({2, 7, 6, 5}, 1, Values::gaussian, t)),
        w1(cast(random_tensor({8, 3, 3, 5}, 2) * 0.2, t)),
        b1(random_tensor({8}, 3, Values::gaussian, param_dtype(t))),
        weight(random_tensor({8}, 4, Values::positive, param_dtype(t))),
        bias(random_tensor({8}, 5, Values::gaussian, param_dtype(t))),
        w2(cast(random_tensor({3, 3, 3, 8}, 6) * 0.15, t)),
        b2(random_tensor({3}, 7, Values::gaussian, param_dtype(t))),
        up(cast(random_tensor({8, 4, 4, 8}, 8) * 0.1, t)) {}
};

const Conv2dOptions kReflect{.pad = Pad4::all(1), .pad_mode = PadMode::reflect};
const ConvTranspose2dOptions kDoubling{.stride = 2, .pad = Pad4::all(1)};
const NormOptions kNorms[] = {{.kind = NormKind::instance, .act = Map::relu},
                              {.kind = NormKind::batch, .act = Map::leaky_relu, .a = 0.2},
                              {.kind = NormKind::group, .groups = 4, .act = Map::tanh},
                              {.kind = NormKind::layer}};

/// bf16 rounds the stored convolution and every later value: 2^-8 of values up to about 4, a few times over.
double tolerance(DType t) { return t == DType::f64 ? 1e-11 : t == DType::f32 ? 2e-5 : t == DType::f16 ? 0.02 : 0.15; }

void expect_near(const Tensor& got, const Tensor& want, DType t) {
  ASSERT_EQ(got.shape(), want.shape());
  EXPECT_EQ(got.dtype(), t);
  EXPECT_LE(largest_difference(got, want), tolerance(t)) << name_of(t);
  EXPECT_GT(largest_difference(got, Tensor::zeros(test_context(), got.shape(), t)), 0.1);
}

class PendingPath : public testing::TestWithParam<DType> {};

TEST_P(PendingPath, ConvNormEqualsRecordedOps) {
  const Net n(GetParam());
  for (const NormOptions& o : kNorms) {
    const Pending p = conv2d_norm(n.x, n.w1, n.b1, kReflect, n.weight, n.bias, o);
    EXPECT_FALSE(p.applied());
    expect_near(apply(p), norm(conv2d(n.x, n.w1, n.b1, kReflect), n.weight, n.bias, o), GetParam());
  }
}

TEST_P(PendingPath, ChainEqualsRecordedOps) {
  const Net n(GetParam());
  Conv2dOptions last = kReflect;
  last.act = Map::tanh;
  for (const NormOptions& o : kNorms) {
    const Pending a = conv2d_norm(n.x, n.w1, n.b1, kReflect, n.weight, n.bias, o);
    const Pending b = conv_transpose2d_norm(a, n.up, n.b1, kDoubling, n.weight, n.bias, o);
    const Tensor ra = norm(conv2d(n.x, n.w1, n.b1, kReflect), n.weight, n.bias, o);
    const Tensor rb = norm(conv_transpose2d(ra, n.up, n.b1, kDoubling), n.weight, n.bias, o);
    expect_near(conv2d_pending(b, n.w2, n.b2, last), conv2d(rb, n.w2, n.b2, last), GetParam());
    expect_near(conv_transpose2d_pending(a, n.up, n.b1, kDoubling), conv_transpose2d(ra, n.up, n.b1, kDoubling),
                GetParam());
  }
}

TEST_P(PendingPath, ActivationAloneMayBePending) {
  const Net n(GetParam());
  Pending p(n.x);
  p.act = Map::leaky_relu, p.a = 0.1;
  expect_near(conv2d_pending(p, n.w1, n.b1, kReflect), conv2d(leaky_relu(n.x, 0.1), n.w1, n.b1, kReflect), GetParam());
  expect_near(apply(p), leaky_relu(n.x, 0.1), GetParam());
}

TEST_P(PendingPath, ApplyEqualsItsParts) {
  const Net n(GetParam());
  const NormOptions o{.act = Map::relu};
  const Tensor residual = random_tensor({2, 7, 6, 8}, 20, Values::gaussian, GetParam());
  const Pending p = conv2d_norm(n.x, n.w1, n.b1, kReflect, n.weight, n.bias, o);
  const Tensor y = norm(conv2d(n.x, n.w1, n.b1, kReflect), n.weight, n.bias, o) + residual;
  const Pad4 sides{1, 2, 3, 0};
  expect_near(apply(plus(p, residual)), y, GetParam());
  expect_near(apply(plus(p, residual), {.pad = sides, .pad_mode = PadMode::replicate}),
              pad(y, sides, PadMode::replicate), GetParam());
  expect_near(apply(plus(p, residual), {.upsample = Upsample::nearest2, .pad = sides, .pad_mode = PadMode::reflect}),
              pad(resample(y, 14, 12, Interpolation::nearest), sides, PadMode::reflect), GetParam());
  expect_near(apply(plus(p, residual), {.upsample = Upsample::bilinear2, .pad = sides}),
              pad(resample(y, 14, 12, Interpolation::bilinear), sides, PadMode::zero), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Dtypes, PendingPath, testing::Values(DType::f64, DType::f32, DType::bf16, DType::f16),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST(Pending, NothingToDoReturnsTheSameStorage) {
  const Tensor x = random_tensor({1, 2, 2, 3}, 1);
  EXPECT_EQ(apply(x).ref().id, x.ref().id);
}

TEST(Pending, FusedPassesRefuseAHistory) {
  const Net n(DType::f32);
  Tensor w = n.w1.clone();
  w.set_requires_grad();
  EXPECT_THROW(conv2d_pending(n.x, w, n.b1, kReflect), Error);
  EXPECT_THROW(conv2d_norm(n.x, w, n.b1, kReflect, n.weight, n.bias, {}), Error);
  const NoGrad off(*test_context());
  EXPECT_NO_THROW(conv2d_pending(n.x, w, n.b1, kReflect));
}

TEST(Pending, MomentsAreBiasedStatistics) {
  const Tensor x = Tensor::from(test_context(), {1, 2, 2, 1}, std::vector<float>{1, 3, 5, 7});
  const Moments m = moments(x, NormKind::instance);
  EXPECT_FLOAT_EQ(m.mean.item(), 4);
  EXPECT_FLOAT_EQ(m.var.item(), 5);
  EXPECT_EQ(moments(random_tensor({3, 2, 2, 6}, 1), NormKind::batch).mean.shape(), (Shape{1, 6}));
  EXPECT_EQ(moments(random_tensor({3, 2, 2, 6}, 1), NormKind::group, 2).var.shape(), (Shape{3, 2}));
}

}  // namespace
}  // namespace sumi::test
