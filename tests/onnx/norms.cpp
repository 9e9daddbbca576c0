#include "tensor/ops.h"
#include "tests/onnx/operators.h"

namespace sumi::test::onnx {
namespace {

Outputs batch_norm(const Node& n, const Inputs& in, const ContextPtr& c) {
  const Tensor x = channels_last(in[0], c), weight = to_tensor(in[1], c), bias = to_tensor(in[2], c),
               mean = to_tensor(in[3], c), var = to_tensor(in[4], c);
  const NormOptions options{.kind = NormKind::batch, .eps = n.number("epsilon", 1e-5)};
  if (!n.integer("training_mode", 0)) return {channels_first(norm_with(x, mean, var, weight, bias, options))};
  const double kept = n.number("momentum", 0.9);
  const Moments m = moments(x, NormKind::batch);
  const auto running = [&](const Tensor& old, const Tensor& now) {
    return to_value(scale(old, kept) + scale(now.reshape({old.dim(0)}), 1 - kept), {old.dim(0)});
  };
  return {channels_first(norm(x, weight, bias, options)), running(mean, m.mean), running(var, m.var)};
}

Outputs instance_norm(const Node& n, const Inputs& in, const ContextPtr& c) {
  const NormOptions options{.kind = NormKind::instance, .eps = n.number("epsilon", 1e-5)};
  return {channels_first(norm(channels_last(in[0], c), to_tensor(in[1], c), to_tensor(in[2], c), options))};
}

/// The normalised axes are the last ones: rows of one pixel with as many channels.
Outputs layer_norm(const Node& n, const Inputs& in, const ContextPtr& c) {
  const auto rank = static_cast<std::int64_t>(in[0].dims.size());
  const std::int64_t axis = n.integer("axis", -1), first = axis < 0 ? axis + rank : axis;
  std::int64_t rows = 1, columns = 1;
  std::vector<std::int64_t> outer = in[0].dims;
  for (std::int64_t i = 0; i < rank; i++) {
    auto& side = outer[static_cast<std::size_t>(i)];
    (i < first ? rows : columns) *= side;
    if (i >= first) side = 1;
  }
  const double eps = n.number("epsilon", 1e-5);
  const Tensor x = to_tensor(in[0], c).reshape({rows, 1, 1, columns});
  const Tensor weight = to_tensor(in[1], c).reshape({columns});
  const Tensor bias = in.size() > 2 ? to_tensor(in[2], c).reshape({columns}) : Tensor::zeros(c, {columns});
  const Moments m = moments(x, NormKind::layer);
  return {to_value(norm(x, weight, bias, {.kind = NormKind::layer, .eps = eps}), in[0].dims), to_value(m.mean, outer),
          to_value(rsqrt(shift(m.var, eps)), outer)};
}

}  // namespace

void add_norms(Operators& all) {
  all["BatchNormalization"] = batch_norm;
  all["InstanceNormalization"] = instance_norm;
  all["LayerNormalization"] = layer_norm;
}

}  // namespace sumi::test::onnx
