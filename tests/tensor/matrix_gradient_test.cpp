// Gradients of matrix products, Gram matrices, linear layers, softmax, casts.
#include "tests/tensor/gradcheck.h"

namespace sumi::test {
namespace {

using In = std::vector<Tensor>;

std::vector<GradientCase> matmul_cases() {
  std::vector<GradientCase> cases;
  const auto add = [&](std::string_view name, const Shape& a, const Shape& b, const GemmOptions& o) {
    cases.push_back({std::string(name), {a, b}, [o](const In& x) { return matmul(x[0], x[1], o); }});
  };
  add("plain", {2, 3}, {3, 4}, {});
  add("transpose_a", {3, 2}, {3, 4}, {.transpose_a = true, .alpha = 0.5});
  add("transpose_b", {2, 3}, {4, 3}, {.transpose_b = true, .alpha = -2});
  add("transpose_both", {3, 2}, {4, 3}, {.transpose_a = true, .transpose_b = true});
  add("batch", {3, 2, 3}, {3, 3, 2}, {});
  add("batch_transposed", {2, 3, 2}, {2, 4, 3}, {.transpose_a = true, .transpose_b = true, .alpha = 3});
  add("shared_a", {1, 2, 3}, {3, 3, 2}, {});
  add("shared_b", {3, 2, 3}, {1, 3, 2}, {});
  add("matrix_for_batch", {2, 3}, {3, 3, 2}, {});
  add("batch_for_matrix", {3, 2, 3}, {2, 3}, {.transpose_b = true});
  add("single_batch_of_matrix", {1, 2, 3}, {3, 2}, {});
  cases.push_back({"itself", {{3, 3}}, [](const In& x) { return matmul(x[0], x[0]); }});
  return cases;
}

std::vector<GradientCase> other_cases() {
  return {
      {"gram", {{2, 3, 2, 3}}, [](const In& x) { return gram(x[0]); }},
      {"gram_factor", {{1, 2, 2, 4}}, [](const In& x) { return square(gram(x[0], 0.7)); }},
      {"gram_one_pixel", {{2, 1, 1, 2}}, [](const In& x) { return gram(x[0], 2); }},
      {"transpose", {{3, 4}}, [](const In& x) { return square(transpose(x[0])); }},
      {"transpose_batch", {{2, 1, 4}}, [](const In& x) { return transpose(x[0]); }},
      {"linear", {{3, 4}, {2, 4}}, [](const In& x) { return linear(x[0], x[1], {}); }},
      {"linear_bias", {{3, 4}, {2, 4}, {2}}, [](const In& x) { return linear(x[0], x[1], x[2]); }},
      {"linear_one_row", {{1, 3}, {4, 3}, {4}}, [](const In& x) { return square(linear(x[0], x[1], x[2])); }},
      {"softmax", {{3, 4}}, [](const In& x) { return softmax(x[0]); }},
      {"softmax_vector", {{5}}, [](const In& x) { return softmax(x[0]); }},
      {"softmax_image", {{1, 2, 2, 3}}, [](const In& x) { return softmax(x[0]) * x[0]; }},
      {"log_softmax", {{3, 4}}, [](const In& x) { return log_softmax(x[0]); }},
      {"log_softmax_image", {{1, 2, 2, 3}}, [](const In& x) { return log_softmax(x[0]) * x[0]; }},
      {"cast_to_itself", {{4}}, [](const In& x) { return square(cast(x[0], DType::f64)); }},
  };
}

const bool kMatmul = register_gradient_tests("MatmulGradient", matmul_cases());
const bool kOthers = register_gradient_tests("MatrixGradient", other_cases());

TEST(CastGradient, ReturnsInTheInputsDtype) {
  Tensor x = random_tensor({6}, 1, Values::gaussian, DType::f32);
  x.set_requires_grad();
  const Tensor y = cast(x, DType::bf16);
  EXPECT_EQ(y.dtype(), DType::bf16);
  backward(sum(cast(y, DType::f32) * 3));
  EXPECT_EQ(x.grad().dtype(), DType::f32);
  EXPECT_EQ(x.grad().to_vector(), std::vector<float>(6, 3));
}

/// 1 + 2^-10 and 1 + 2^-20 need more bits than bf16 has.
TEST(LinearGradient, HalfPrecisionWeightsGetSingleGradients) {
  const Tensor x = Tensor::from(test_context(), {2, 1}, std::vector<float>{1, 0x1p-10f}, DType::bf16);
  Tensor w = Tensor::full(test_context(), {1, 1}, 1, DType::bf16), b = Tensor::zeros(test_context(), {1});
  w.set_requires_grad(), b.set_requires_grad();
  const Tensor dy = Tensor::from(test_context(), {2, 1}, std::vector<float>{1, 0x1p-10f}, DType::bf16);
  backward(linear(x, w, b), dy);
  EXPECT_EQ(w.grad().dtype(), DType::f32);
  EXPECT_EQ(w.grad().item(), 1 + 0x1p-20f);
  EXPECT_EQ(b.grad().dtype(), DType::f32);
  EXPECT_EQ(b.grad().item(), 1 + 0x1p-10f);
}

TEST(Gram, ClosedForm) {
  const Tensor x = Tensor::from(test_context(), {1, 1, 2, 2}, std::vector<float>{1, 2, 3, 4});
  EXPECT_EQ(gram(x, 1).to_vector(), (std::vector<float>{10, 14, 14, 20}));
  EXPECT_EQ(gram(x).to_vector(), (std::vector<float>{2.5, 3.5, 3.5, 5}));
}

/// One infinite entry of the gradient reaches the two channels that it belongs to, and no others.
TEST(Gram, InfiniteGradientsStayInTheirChannels) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  Tensor x = Tensor::from(test_context(), {1, 1, 1, 3}, std::vector<float>{1, 2, 3});
  x.set_requires_grad();
  Tensor dy = Tensor::zeros(test_context(), {1, 3, 3});
  dy.values()[1] = kInf;  // of the pair (0, 1)
  backward(gram(x, 1), dy);
  EXPECT_EQ(x.grad().to_vector(), (std::vector<float>{kInf, kInf, 0}));
}

}  // namespace
}  // namespace sumi::test
