#include "kernels/conv2d/cudnn_plan.h"

#include <algorithm>

namespace sumi::cudnn {
namespace {

cudnnDataType_t type_of(DType t) {
  if (t == DType::f32) return CUDNN_DATA_FLOAT;
  if (t == DType::f16) return CUDNN_DATA_HALF;
  check(t == DType::bf16, "cuDNN: expected f32, f16 or bf16, got ", name_of(t));
  return CUDNN_DATA_BFLOAT16;
}

/// A tensor in memory, or, when `is_virtual`, one that exists only inside a fused kernel.
Descriptor tensor(const Api& api, std::int64_t uid, const Layout& l, cudnnDataType_t type, std::int64_t alignment,
                  bool is_virtual = false) {
  Descriptor t(api, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  t.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, uid)
      .set(CUDNN_ATTR_TENSOR_DATA_TYPE, type)
      .set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment)
      .set(CUDNN_ATTR_TENSOR_DIMENSIONS, l.dims)
      .set(CUDNN_ATTR_TENSOR_STRIDES, l.strides)
      .set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, is_virtual);
  return t.finalize();
}

Descriptor convolution(const Api& api, const Conv2dDims& d) {
  const Geometry g = geometry_of(d);
  Descriptor c(api, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  c.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT)
      .set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION)
      .set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2})
      .set(CUDNN_ATTR_CONVOLUTION_DILATIONS, g.dilations)
      .set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, g.strides)
      .set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, g.before)
      .set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, g.after);
  return c.finalize();
}

/// The attributes of the three convolution operations that mean the same.
struct Names {
  cudnnBackendDescriptorType_t operation;
  cudnnBackendAttributeName_t x, w, y, convolution, alpha, beta;
};
Names names_of(Pass pass) {
  if (pass == Pass::forward)
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
  if (pass == Pass::backward_input)
    return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
            CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

/// The convolution of a problem; its result is `result`.
Descriptor convolve(const Api& api, const Problem& p, const Descriptor& result) {
  const auto in = [&](Uid uid, const Layout& l) { return tensor(api, uid, l, type_of(p.in), p.alignment); };
  const Names n = names_of(p.pass);
  Descriptor op(api, n.operation);
  op.set(n.x, p.pass == Pass::backward_input ? result : in(kX, x_layout(p.d)))
      .set(n.w, p.pass == Pass::backward_weight ? result : in(kW, w_layout(p.d)))
      .set(n.y, p.pass == Pass::forward ? result : in(kY, y_layout(p.d)))
      .set(n.convolution, convolution(api, p.d))
      .set(n.alpha, 1.f)
      .set(n.beta, 0.f);
  return op.finalize();
}

cudnnPointwiseMode_t mode_of(Map act) {
  if (act == Map::tanh) return CUDNN_POINTWISE_TANH_FWD;
  if (act == Map::sigmoid) return CUDNN_POINTWISE_SIGMOID_FWD;
  return CUDNN_POINTWISE_RELU_FWD;
}

Descriptor pointwise(const Api& api, cudnnPointwiseMode_t mode, const Descriptor& from, const Descriptor* with,
                     const Descriptor& to, double slope) {
  Descriptor how(api, CUDNN_BACKEND_POINTWISE_DESCRIPTOR), op(api, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  how.set(CUDNN_ATTR_POINTWISE_MODE, mode).set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (mode == CUDNN_POINTWISE_RELU_FWD) how.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_PROPAGATE_NAN);
  if (slope != 0) how.set(CUDNN_ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, slope);
  op.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how.finalize())
      .set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, from)
      .set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, to);
  if (with) op.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *with);
  return op.finalize();
}

/// The operations in order: convolution, bias, activation. What one hands to the next is virtual and f32.
std::vector<Descriptor> operations(const Api& api, const Problem& p) {
  const Uid last = p.pass == Pass::forward ? kY : p.pass == Pass::backward_input ? kX : kW;
  const Layout shape = p.result();
  std::vector<Descriptor> stages;  // the results of the operations
  const int count = 1 + p.bias + (p.act != Map::identity);
  for (int i = 0; i + 1 < count; i++)
    stages.push_back(tensor(api, kBias + 1 + i, shape, CUDNN_DATA_FLOAT, p.alignment, true));
  stages.push_back(tensor(api, last, shape, type_of(p.out), p.alignment));
  std::vector<Descriptor> ops{convolve(api, p, stages[0])};
  if (p.bias) {
    const Descriptor bias = tensor(api, kBias, channel_layout(shape.dims[1]), CUDNN_DATA_FLOAT, p.alignment);
    ops.push_back(pointwise(api, CUDNN_POINTWISE_ADD, stages[0], &bias, stages[1], 0));
  }
  if (p.act != Map::identity) {
    const std::size_t i = stages.size() - 2;
    ops.push_back(pointwise(api, mode_of(p.act), stages[i], nullptr, stages[i + 1], p.a));
  }
  return ops;
}

Descriptor graph_of(const Api& api, const Problem& p, const Target& target) {
  Descriptor graph(api, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, std::span<const Descriptor>(operations(api, p)));
  if (target.handle) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle);
  return graph.finalize();
}

/// Engines of heuristic `mode`, best first; none where the library has nothing to say.
std::vector<Descriptor> engines(const Api& api, const Descriptor& graph, cudnnBackendHeurMode_t mode,
                                const Target& target, std::string& why) {
  constexpr std::size_t kMost = 24;
  Descriptor heuristic(api, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristic.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph).set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (target.device) heuristic.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.device);
  if (const cudnnStatus_t s = heuristic.try_finalize(); s != CUDNN_STATUS_SUCCESS) {
    why = explain(api, s);
    return {};
  }
  return heuristic.descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR, kMost);
}

/// Tensor cores on f32 data round it to 10 bits of mantissa, which only tf32 allows; Winograd and FFT, and partial sums
/// kept in 16 bits, make more error than the tests' bound of a plain sum; and sums in no fixed order, which change from
/// run to run, only any_order allows.
bool is_plain_sum(const Descriptor& config, const Problem& p) {
  auto engine = config.descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR, 1);
  check(!engine.empty(), "cuDNN: a configuration without an engine");
  const auto notes =
      engine[0].list<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_NUMERICAL_NOTE_TYPE_COUNT);
  return std::ranges::all_of(notes, [&](cudnnBackendNumericalNote_t n) {
    return n == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP ||
           (n == CUDNN_NUMERICAL_NOTE_TENSOR_CORE && (p.in != DType::f32 || p.tf32)) ||
           (n == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC && p.any_order);
  });
}

/// The plan of one configuration, if it can be built and is small enough.
bool build(const Api& api, const Descriptor& config, const Target& target, std::vector<Plan>& plans, std::string& why) {
  Descriptor plan(api, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, config);
  if (target.handle) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
  if (target.device) plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.device);
  if (const cudnnStatus_t s = plan.try_finalize(); s != CUDNN_STATUS_SUCCESS) {
    why = explain(api, s);
    return false;
  }
  const auto workspace = plan.get<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
  if (workspace > kMostWorkspace) {
    why = concat("a plan wants ", workspace >> 20, " MiB of workspace");
    return false;
  }
  plans.push_back({std::move(plan), workspace});
  return true;
}

}  // namespace

std::vector<Plan> make_plans(const Api& api, const Problem& p, const Target& target, std::size_t most,
                             std::string* why) {
  std::string reason = "no engine";
  std::vector<Plan> plans;
  const Descriptor graph = graph_of(api, p, target);
  for (const auto mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_B, CUDNN_HEUR_MODE_FALLBACK}) {
    if (mode == CUDNN_HEUR_MODE_FALLBACK && !plans.empty()) break;
    for (const Descriptor& config : engines(api, graph, mode, target, reason)) {
      if (plans.size() >= most) return plans;
      if (is_plain_sum(config, p)) build(api, config, target, plans, reason);
    }
  }
  if (why) *why = reason;
  return plans;
}

}  // namespace sumi::cudnn
