// Gradients of convolutions and transposed convolutions.
#include "tests/tensor/gradcheck.h"

namespace sumi::test {
namespace {

using In = std::vector<Tensor>;

struct ConvCase {
  const char* name;
  Shape x, w;
  Conv2dOptions options;
};

const ConvCase kConv[] = {
    {"pointwise", {1, 3, 2, 3}, {2, 1, 1, 3}, {}},
    {"same", {2, 4, 3, 2}, {3, 3, 3, 2}, {.pad = Pad4::all(1)}},
    {"strided_uneven", {1, 5, 6, 2}, {2, 3, 3, 2}, {.stride = 2, .pad = {0, 1, 1, 0}}},
    {"dilated", {1, 6, 5, 2}, {2, 2, 2, 2}, {.dilation = 2, .pad = {1, 0, 2, 1}}},
    {"groups", {1, 4, 4, 4}, {6, 3, 3, 2}, {.groups = 2, .pad = Pad4::all(1)}},
    {"depthwise", {1, 4, 4, 3}, {3, 3, 3, 1}, {.stride = 2, .groups = 3, .pad = Pad4::all(1)}},
    {"reflect", {1, 4, 5, 2}, {2, 3, 3, 2}, {.pad = {2, 1, 1, 2}, .pad_mode = PadMode::reflect}},
    {"replicate", {1, 3, 4, 2}, {2, 3, 2, 2}, {.stride = 2, .pad = {2, 2, 1, 1}, .pad_mode = PadMode::replicate}},
    {"reflect_without_pad", {1, 4, 4, 1}, {1, 2, 2, 1}, {.pad_mode = PadMode::reflect}},
};

GradientCase with_bias(const ConvCase& c, std::string_view suffix, const Conv2dOptions& o) {
  return {concat(c.name, suffix), {c.x, c.w, {c.w[0]}}, [o](const In& t) { return conv2d(t[0], t[1], t[2], o); }};
}

std::vector<GradientCase> conv_cases() {
  std::vector<GradientCase> cases;
  for (const ConvCase& c : kConv) {
    cases.push_back({c.name, {c.x, c.w}, [o = c.options](const In& t) { return conv2d(t[0], t[1], {}, o); }});
    cases.push_back(with_bias(c, "_bias", c.options));
  }
  for (const Map act : {Map::relu, Map::leaky_relu, Map::tanh, Map::sigmoid})
    for (const ConvCase& c : {kConv[1], kConv[6]}) {
      Conv2dOptions o = c.options;
      o.act = act, o.a = act == Map::leaky_relu ? 0.2 : 0;
      cases.push_back(with_bias(c, concat('_', name_of(act)), o));
    }
  return cases;
}

struct TransposedCase {
  const char* name;
  Shape x, w;
  ConvTranspose2dOptions options;
};

const TransposedCase kTransposed[] = {
    {"plain", {1, 2, 3, 2}, {2, 2, 2, 3}, {}},
    {"doubling", {1, 3, 2, 2}, {2, 4, 4, 2}, {.stride = 2, .pad = Pad4::all(1)}},
    {"output_padding",
     {2, 2, 2, 3},
     {3, 3, 3, 2},
     {.stride = 2, .pad = Pad4::all(1), .output_pad_h = 1, .output_pad_w = 1}},
    {"groups", {1, 2, 3, 4}, {4, 3, 2, 2}, {.stride = 2, .groups = 2, .pad = {1, 0, 0, 1}, .output_pad_w = 1}},
    {"dilated", {1, 3, 2, 2}, {2, 2, 3, 1}, {.dilation = 2, .pad = {1, 1, 0, 1}}},
};

std::vector<GradientCase> transposed_cases() {
  std::vector<GradientCase> cases;
  for (const TransposedCase& c : kTransposed) {
    const ConvTranspose2dOptions o = c.options;
    cases.push_back({c.name, {c.x, c.w}, [o](const In& t) { return conv_transpose2d(t[0], t[1], {}, o); }});
    cases.push_back({concat(c.name, "_bias"), {c.x, c.w, {c.w[3] * o.groups}}, [o](const In& t) {
                       return conv_transpose2d(t[0], t[1], t[2], o);
                     }});
  }
  return cases;
}

std::vector<GradientCase> upsampled_cases() {
  std::vector<GradientCase> cases;
  for (const PadMode mode : {PadMode::zero, PadMode::reflect, PadMode::replicate})
    cases.push_back({std::string(name_of(mode)), {{2, 2, 3, 2}, {3, 3, 3, 2}, {3}}, [mode](const In& t) {
                       const Tensor matrix = upsampling_matrix(test_context(), t[1].dtype());
                       return upsampled_conv2d(t[0], upsampling_filter(t[1], matrix), t[2], mode);
                     }});
  return cases;
}

const bool kUpsampledTests = register_gradient_tests("UpsampledConv2dGradient", upsampled_cases());
const bool kConvTests = register_gradient_tests("Conv2dGradient", conv_cases());
const bool kTransposedTests = register_gradient_tests("ConvTranspose2dGradient", transposed_cases());

TEST(Conv2dGradientDtype, HalfPrecisionWeightsGetSingleGradients) {
  for (const DType t : {DType::bf16, DType::f16}) {
    Tensor x = random_tensor({1, 4, 4, 2}, 1, Values::gaussian, t);
    Tensor w = random_tensor({3, 3, 3, 2}, 2, Values::gaussian, t);
    Tensor b = random_tensor({3}, 3, Values::gaussian, DType::f32);
    const Tensor leaves[] = {x.set_requires_grad(), w.set_requires_grad(), b.set_requires_grad()};
    const Gradients g = grad(sum(conv2d(x, w, b, {.pad = Pad4::all(1)})), leaves);
    EXPECT_EQ(g[0].dtype(), t);
    EXPECT_EQ(g[1].dtype(), DType::f32);
    EXPECT_EQ(g[2].dtype(), DType::f32);
    EXPECT_EQ(g[2].to_vector(), (std::vector<float>{16, 16, 16}));
  }
}

TEST(UpsampledConv2d, IsTheConvolutionOfTheEnlargedImage) {
  const Tensor w = random_tensor({4, 3, 3, 3}, 2), b = random_tensor({4}, 3);
  const Tensor filter = upsampling_filter(w, upsampling_matrix(test_context(), DType::f64));
  for (const Shape& shape : {Shape{2, 3, 5, 3}, Shape{1, 1, 1, 3}, Shape{1, 1, 4, 3}})
    for (const PadMode mode : {PadMode::zero, PadMode::reflect, PadMode::replicate}) {
      const Tensor x = random_tensor(shape, 1);
      const Tensor enlarged = resample(x, 2 * x.dim(1), 2 * x.dim(2), Interpolation::nearest);
      const Tensor want = conv2d(enlarged, w, b, {.pad = Pad4::all(1), .pad_mode = mode});
      EXPECT_LE(largest_difference(upsampled_conv2d(x, filter, b, mode), want), 1e-12) << shape << name_of(mode);
    }
}

/// The gradient of a bf16 filter comes through the fold in f32: with the bits that the enlarged image's has.
TEST(UpsampledConv2d, NarrowFiltersGetSingleGradients) {
  const Tensor x = random_tensor({1, 3, 4, 2}, 1, Values::gaussian, DType::bf16);
  const Tensor dy = random_tensor({1, 6, 8, 3}, 2, Values::gaussian, DType::bf16);
  Tensor w = random_tensor({3, 3, 3, 2}, 3, Values::gaussian, DType::bf16), direct = w.clone();
  w.set_requires_grad(), direct.set_requires_grad();
  const Tensor filter = upsampling_filter(w, upsampling_matrix(test_context()));
  EXPECT_EQ(filter.dtype(), DType::bf16);
  backward(upsampled_conv2d(x, filter, {}, PadMode::reflect), dy);
  const Tensor enlarged = resample(x, 6, 8, Interpolation::nearest);
  backward(conv2d(enlarged, direct, {}, {.pad = Pad4::all(1), .pad_mode = PadMode::reflect}), dy);
  EXPECT_EQ(w.grad().dtype(), DType::f32);
  EXPECT_LE(largest_difference(w.grad(), direct.grad()), 1e-4);
}

/// A filter computed in bf16 from another, one cast from a master weight, and one used by two ops.
TEST(Conv2dGradientDtype, WideGradientsMeetNarrowOnes) {
  const Tensor x = random_tensor({1, 4, 4, 2}, 1, Values::gaussian, DType::bf16);
  Tensor w = random_tensor({3, 1, 1, 2}, 2, Values::gaussian, DType::bf16), master = cast(w, DType::f32);
  Tensor single = master.clone();
  for (Tensor* t : {&w, &master, &single}) t->set_requires_grad();
  backward(sum(conv2d(x, w * 2, {}) + conv2d(x, w, {})) + sum(square(w)));
  const Tensor narrow = cast(master, DType::bf16);
  backward(sum(conv2d(x, narrow, {}) * 3) + sum(square(narrow)));
  const Tensor wide = cast(x, DType::f32);
  backward(sum(conv2d(wide, single, {}) * 3) + sum(square(single)));
  EXPECT_EQ(w.grad().dtype(), DType::f32);
  EXPECT_EQ(master.grad().dtype(), DType::f32);
  EXPECT_LE(largest_difference(w.grad(), single.grad()), 0.1);
  EXPECT_LE(largest_difference(master.grad(), single.grad()), 0.05);
}

}  // namespace
}  // namespace sumi::test
