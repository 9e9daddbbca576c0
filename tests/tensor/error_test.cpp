// Every error names the op, what it expected and what it got.
#include "tests/tensor/gradcheck.h"

namespace sumi::test {
namespace {

Tensor image(std::int64_t H = 4, std::int64_t W = 4, std::int64_t C = 3, DType t = DType::f32) {
  return Tensor::zeros(test_context(), {1, H, W, C}, t);
}
Tensor zeros(const Shape& s, DType t = DType::f32) { return Tensor::zeros(test_context(), s, t); }

struct Wrong {
  std::string_view message;  // a part of it
  std::function<void()> call;
};

void expect_messages(const std::vector<Wrong>& wrong) {
  for (const Wrong& w : wrong) try {
      w.call();
      ADD_FAILURE() << "no error: " << w.message;
    } catch (const Error& e) {
      EXPECT_NE(std::string_view(e.what()).find(w.message), std::string_view::npos)
          << "expected '" << w.message << "' in '" << e.what() << '\'';
    }
}

TEST(Errors, Convolutions) {
  expect_messages({
      {"conv2d: x has 3 channels, w wants 5",
       [] {
         conv2d(image(), zeros({2, 3, 3, 5}), {});
       }},
      {"conv2d: expected x [N,H,W,C], got [3,4]",
       [] {
         conv2d(zeros({3, 4}), zeros({2, 3, 3, 5}), {});
       }},
      {"conv2d: expected x [N,H,W,C], got an empty",
       [] {
         conv2d({}, zeros({2, 3, 3, 5}), {});
       }},
      {"conv2d: x is f32, w is bf16",
       [] {
         conv2d(image(), zeros({2, 3, 3, 3}, DType::bf16), {});
       }},
      {"conv2d: expected bias of 2 elements, got [3]",
       [] {
         conv2d(image(), zeros({2, 3, 3, 3}), zeros({3}));
       }},
      {"conv2d: expected bias in f32, got bf16",
       [] {
         conv2d(image(), zeros({2, 3, 3, 3}), zeros({2}, DType::bf16));
       }},
      {"conv2d: the filter is larger",
       [] {
         conv2d(image(2, 2), zeros({2, 3, 3, 3}), {});
       }},
      {"conv2d: reflection needs padding smaller",
       [] {
         conv2d(image(), zeros({2, 3, 3, 3}), {}, {.pad = Pad4::all(4), .pad_mode = PadMode::reflect});
       }},
      {"conv2d: groups 2 must divide",
       [] {
         conv2d(image(4, 4, 4), zeros({3, 3, 3, 2}), {}, {.groups = 2});
       }},
      {"conv2d: expected an activation, got exp",
       [] {
         conv2d(image(), zeros({2, 3, 3, 3}), {}, {.act = Map::exp});
       }},
      {"conv_transpose2d: x has 3 channels, w wants 5",
       [] {
         conv_transpose2d(image(), zeros({5, 3, 3, 2}), {}, {});
       }},
      {"conv_transpose2d: expected output padding in 0..stride-1, got 2 0",
       [] {
         conv_transpose2d(image(), zeros({3, 3, 3, 2}), {}, {.stride = 2, .output_pad_h = 2});
       }},
  });
}

TEST(Errors, ElementwiseAndMatrices) {
  expect_messages({
      {"add: a is f32, b is f64", [] { add(zeros({2}), zeros({2}, DType::f64)); }},
      {"[",
       [] {
         add(zeros({2, 3}), zeros({2, 4}));
       }},
      {"relu: expected a tensor", [] { relu({}); }},
      {"sum: expected an axis of [2,3], got 2",
       [] {
         sum(zeros({2, 3}), {2});
       }},
      {"max: expected a tensor without a history", [] { max(zeros({2}).set_requires_grad()); }},
      {"sum_to: [4] does not broadcast to [2,3]",
       [] {
         sum_to(zeros({2, 3}), {4});
       }},
      {"broadcast_to: [2,3] does not broadcast to [2,4]",
       [] {
         broadcast_to(zeros({2, 3}), {2, 4});
       }},
      {"matmul: a [2,3] has 3 columns, b [4,5] has 4 rows",
       [] {
         matmul(zeros({2, 3}), zeros({4, 5}));
       }},
      {"matmul: batches differ",
       [] {
         matmul(zeros({2, 2, 3}), zeros({3, 3, 2}));
       }},
      {"matmul: expected b of rank 2 or 3, got [3]",
       [] {
         matmul(zeros({2, 3}), zeros({3}));
       }},
      {"linear: x has 3 features, weight wants 4",
       [] {
         linear(zeros({2, 3}), zeros({5, 4}), {});
       }},
      {"linear: expected bias of 5 elements, got [4]",
       [] {
         linear(zeros({2, 3}), zeros({5, 3}), zeros({4}));
       }},
      {"gram: expected x [N,H,W,C], got [2,3]",
       [] {
         gram(zeros({2, 3}));
       }},
      {"reshape: expected 6 elements as in [2,3], got [4]",
       [] {
         zeros({2, 3}).reshape({4});
       }},
      {"item: expected one element, got [2]", [] { zeros({2}).item(); }},
      {"tensor: expected f64, got f32", [] { zeros({2}).data<double>(); }},
      {"tensor: expected 2 values for [2], got 1", [] { Tensor::from(test_context(), {2}, std::vector<float>{1}); }},
      {"copy_from: expected [2], got [3]", [] { zeros({2}).copy_from(zeros({3})); }},
  });
}

TEST(Errors, NormsPicturesLosses) {
  expect_messages({
      {"norm: groups 2 must divide C 3", [] { norm(image(), {}, {}, {.kind = NormKind::group, .groups = 2}); }},
      {"norm: expected weight of 3 elements, got [4]", [] { norm(image(), zeros({4}), zeros({3}), {}); }},
      {"norm: expected weight and bias, or neither", [] { norm(image(), zeros({3}), {}, {}); }},
      {"norm_with: expected mean of 3 elements, got [2]",
       [] { norm_with(image(), zeros({2}), zeros({3}), {}, {}, {}); }},
      {"pad: reflection needs padding smaller",
       [] {
         pad(image(), {4, 0, 0, 0}, PadMode::reflect);
       }},
      {"pad: only zero mode crops, got -1 in mode replicate",
       [] {
         pad(image(), {-1, 0, 0, 0}, PadMode::replicate);
       }},
      {"pad: nothing of 4x4 is left",
       [] {
         pad(image(), {-2, -2, 0, 0}, PadMode::zero);
       }},
      {"resample: expected a positive size, got 0x3", [] { resample(image(), 0, 3, Interpolation::nearest); }},
      {"pixel_shuffle: expected channels divisible by 4, got 3", [] { pixel_shuffle(image(), 2); }},
      {"pixel_unshuffle: expected sides divisible by 3, got 4x4", [] { pixel_unshuffle(image(), 3); }},
      {"max_pool: the window 5 is larger", [] { max_pool(image(), {.window = 5}); }},
      {"average_pool: expected padding in 0..window-1", [] { average_pool(image(), {.pad = Pad4::all(2)}); }},
      {"mse_loss: x is [2], target is [3]", [] { mse_loss(zeros({2}), zeros({3})); }},
      {"huber_loss: expected a positive delta, got 0", [] { huber_loss(zeros({2}), zeros({2}), 0); }},
      {"total_variation: expected p 1 or 2, got 3", [] { total_variation(image(), 3); }},
      {"plus: expected a residual of [1,4,4,3], got [1,4,4,2]", [] { plus(image(), image(4, 4, 2)); }},
  });
}

TEST(Errors, Engine) {
  expect_messages({
      {"backward: y has no history", [] { backward(zeros({1})); }},
      {"backward: expected a one-element y or a dy, got y [2]", [] { backward(zeros({2}).set_requires_grad() * 2); }},
      {"backward: expected dy of [2], got [3]", [] { backward(zeros({2}).set_requires_grad() * 2, zeros({3})); }},
      {"grad: an input of shape [1] does not require a gradient",
       [] {
         const Tensor inputs[] = {zeros({1})};
         grad(zeros({1}).set_requires_grad() * 2, inputs);
       }},
      {"set_requires_grad: expected a leaf, got the result of scale",
       [] {
         Tensor y = zeros({1}).set_requires_grad() * 2;
         y.set_requires_grad();
       }},
      {"optimizer_step: parameter 1 expected a weight and a gradient",
       [] {
         const OptimizerParameter slots[] = {{zeros({1}), zeros({1}), {}, {}}, {zeros({1}), {}, {}, {}}};
         optimizer_step({.update = Update::sgd}, slots);
       }},
      {"optimizer_step: parameter 0 expected a first moment",
       [] {
         const OptimizerParameter slots[] = {{zeros({1}), zeros({1}), {}, {}}};
         optimizer_step({.update = Update::sgd, .momentum = 0.9}, slots);
       }},
      {"optimizer_step: parameter 0 expected a second moment",
       [] {
         const OptimizerParameter slots[] = {{zeros({1}), zeros({1}), zeros({1}), {}}};
         optimizer_step({.update = Update::adam}, slots);
       }},
      {"bad: expected a gradient of [1], got [2]",
       [] {
         backward(record(zeros({1}), "bad", {zeros({1}).set_requires_grad()},
                         [](const Tensor&, const Wanted&) -> Gradients { return {zeros({2})}; }));
       }},
  });
}

}  // namespace
}  // namespace sumi::test
