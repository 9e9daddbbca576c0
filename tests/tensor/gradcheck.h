// The third oracle: gradients in double against central differences, first and second order.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tensor/autograd.h"
#include "tensor/ops.h"

namespace sumi::test {

using Function = std::function<Tensor(const std::vector<Tensor>&)>;
enum class Values { gaussian, positive };

/// One op at one configuration: f of inputs with these shapes, differentiable in all of them.
struct GradientCase {
  std::string name;
  std::vector<Shape> shapes;
  Function f;
  Values values = Values::gaussian;
  int order = 2;  // 1: the second derivative is not checked
};

ContextPtr test_context();
/// Numbers that depend on the seed only. `positive` stays at 0.5 and above.
Tensor random_tensor(const Shape& shape, unsigned seed, Values values = Values::gaussian, DType dtype = DType::f64);
std::vector<double> doubles(const Tensor& t);
double largest_difference(const Tensor& a, const Tensor& b);

/// sum_i v_i y_i of y = f(x) has the gradients that grad() gives: eps 1e-6, |difference| <= 1e-5 + 1e-3 |gradient|.
/// Each input alone gets the same gradient as among the others.
void check_first_order(const GradientCase& c, unsigned seed);
/// The gradients themselves, as functions of x and v, have the gradients that a differentiable backward gives. The
/// differences are taken of the unrecorded backward, so the fused kernels and the composed formulas check each other.
void check_second_order(const GradientCase& c, unsigned seed);

/// Registers every case at three seeds as suite.name_seed and suite.name_second_seed. Each must give back all the
/// memory that it took.
bool register_gradient_tests(const std::string& suite, const std::vector<GradientCase>& cases);

}  // namespace sumi::test
