// Gradients of padding, resampling, pixel shuffle, pooling, apply and losses.
#include "tests/tensor/gradcheck.h"

namespace sumi::test {
namespace {

using In = std::vector<Tensor>;
const Shape kImage{2, 3, 4, 2};

std::vector<GradientCase> pad_cases() {
  std::vector<GradientCase> cases;
  const auto add = [&](std::string_view name, const Pad4& p, PadMode mode) {
    cases.push_back({std::string(name), {kImage}, [=](const In& x) { return square(pad(x[0], p, mode)); }});
  };
  add("zero", {1, 2, 0, 3}, PadMode::zero);
  add("crop", {-1, 0, -1, -2}, PadMode::zero);
  add("crop_and_pad", {2, -1, -2, 1}, PadMode::zero);
  add("reflect", {2, 1, 3, 2}, PadMode::reflect);
  add("replicate", {1, 4, 5, 0}, PadMode::replicate);
  add("nothing", {}, PadMode::reflect);
  return cases;
}

std::vector<GradientCase> resample_cases() {
  std::vector<GradientCase> cases;
  const std::pair<std::string_view, Coordinates> conventions[] = {{"half_pixel", Coordinates::half_pixel},
                                                                  {"align_corners", Coordinates::align_corners},
                                                                  {"asymmetric", Coordinates::asymmetric}};
  const auto add = [&](const std::string& name, std::int64_t P, std::int64_t Q, Interpolation i, Coordinates c) {
    cases.push_back({name, {kImage}, [=](const In& x) { return square(resample(x[0], P, Q, i, c)); }});
  };
  for (const auto& [P, Q] : {std::pair{6, 8}, std::pair{2, 3}, std::pair{5, 1}, std::pair{3, 4}}) {
    add(concat("nearest_", P, '_', Q), P, Q, Interpolation::nearest, Coordinates::half_pixel);
    for (const auto& [name, c] : conventions) add(concat(name, '_', P, '_', Q), P, Q, Interpolation::bilinear, c);
  }
  cases.push_back({"pixel_shuffle", {{1, 2, 2, 8}}, [](const In& x) { return square(pixel_shuffle(x[0], 2)); }});
  cases.push_back({"pixel_shuffle_3", {{2, 1, 2, 9}}, [](const In& x) { return square(pixel_shuffle(x[0], 3)); }});
  cases.push_back({"pixel_unshuffle", {{1, 4, 2, 3}}, [](const In& x) { return square(pixel_unshuffle(x[0], 2)); }});
  return cases;
}

std::vector<GradientCase> pool_cases() {
  const std::pair<std::string_view, PoolOptions> options[] = {
      {"plain", {}},
      {"overlapping", {.window = 3, .stride = 1}},
      {"padded", {.window = 3, .stride = 2, .pad = {1, 0, 2, 1}}},
      {"ceil", {.window = 2, .stride = 2, .ceil_mode = true}},
      {"ceil_padded", {.window = 3, .stride = 2, .pad = Pad4::all(1), .ceil_mode = true, .count_include_pad = false}},
      {"gaps", {.window = 1, .stride = 3}},
  };
  std::vector<GradientCase> cases;
  for (const auto& [name, o] : options) {
    const Shape image{2, 5, 4, 2};
    cases.push_back({concat("max_", name), {image}, [o = o](const In& x) { return square(max_pool(x[0], o)); }});
    cases.push_back({concat("max_relu_", name), {image}, [o = o](const In& x) { return max_pool(relu(x[0]), o); }});
    cases.push_back(
        {concat("average_", name), {image}, [o = o](const In& x) { return square(average_pool(x[0], o)); }});
  }
  cases.push_back({"global", {kImage}, [](const In& x) { return square(global_average_pool(x[0])); }});
  return cases;
}

std::vector<GradientCase> loss_cases() {
  std::vector<GradientCase> cases;
  for (const Shape& s : {Shape{7}, kImage}) {
    const auto add = [&](std::string_view name, Tensor (*f)(const Tensor&, const Tensor&)) {
      cases.push_back({concat(name, '_', s.rank()), {s, s}, [f](const In& x) { return f(x[0], x[1]); }});
    };
    add("mse", mse_loss);
    add("l1", l1_loss);
    add("huber", [](const Tensor& x, const Tensor& t) { return huber_loss(x, t); });
    add("huber_wide", [](const Tensor& x, const Tensor& t) { return huber_loss(x, t, 2.5); });
    add("mse_of_square", [](const Tensor& x, const Tensor& t) { return mse_loss(square(x), t) * 3; });
  }
  for (const int p : {1, 2})
    for (const Shape& s : {kImage, Shape{1, 1, 4, 2}, Shape{2, 3, 1, 1}})
      cases.push_back({concat("variation_", p, '_', s[1], '_', s[2]), {s}, [p](const In& x) {
                         return total_variation(x[0], p) * 2;
                       }});
  return cases;
}

std::vector<GradientCase> apply_cases() {
  const ApplyOptions doubled{.upsample = Upsample::nearest2, .pad = {1, 2, 1, 0}, .pad_mode = PadMode::reflect};
  const ApplyOptions smooth{.upsample = Upsample::bilinear2, .pad = Pad4::all(1)};
  return {
      {"residual", {kImage, kImage}, [](const In& x) { return square(apply(plus(x[0], x[1]))); }},
      {"nearest_reflect", {kImage, kImage}, [=](const In& x) { return square(apply(plus(x[0], x[1]), doubled)); }},
      {"bilinear_zero", {kImage}, [=](const In& x) { return square(apply(x[0], smooth)); }},
  };
}

const bool kPad = register_gradient_tests("PadGradient", pad_cases());
const bool kResample = register_gradient_tests("ResampleGradient", resample_cases());
const bool kPool = register_gradient_tests("PoolGradient", pool_cases());
const bool kLoss = register_gradient_tests("LossGradient", loss_cases());
const bool kApply = register_gradient_tests("ApplyGradient", apply_cases());

}  // namespace
}  // namespace sumi::test
