#include "kernels/conv2d/onednn_plan.h"

#include <map>
#include <string_view>
#include <tuple>

namespace sumi::onednn {
namespace {

double bytes_of(const Problem& p) {
  return static_cast<double>(p.in_dims.count() + p.out_dims.count()) * static_cast<double>(size_of(p.in.dtype));
}

dnnl::memory::data_type output_type(const Problem& p) {
  return p.writes_through ? type_of(p.out.dtype) : dnnl::memory::data_type::f32;
}

/// bf16 sums stay f32 until the epilogue is done.
bool can_write_through(const Epilogue& e, DType t) {
  return t == DType::f32 || (!e.bias && !e.residual && e.act == Map::identity);
}

bool is_plain_loops(const char* implementation) { return std::string_view(implementation).starts_with("ref"); }

Step forward_step(const Conv2dDims& d, const Problem& p, const Job& j, int top, int bottom, const Desc* format,
                  const dnnl::engine& engine) {
  const auto t = type_of(p.in.dtype);
  const std::int64_t width = d.W + (p.stages ? d.pad.left + d.pad.right : 0);
  const Dims before{top, p.stages ? 0 : d.pad.left}, after{bottom, p.stages ? 0 : d.pad.right};
  const dnnl::convolution_forward::desc desc(
      dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct,
      activation(j.out.images, j.in_rows, width, d.C, t), onednn::filter(d, t, format),
      activation(j.out.images, j.out.rows, d.Q(), d.K, output_type(p)), strides(d), dilations(d), before, after);
  const dnnl::convolution_forward::primitive_desc pd(desc, user_scratchpad(), engine);
  return {dnnl::convolution_forward(pd),     pd.src_desc(), pd.weights_desc(), pd.dst_desc(), pd.scratchpad_desc(),
          is_plain_loops(pd.impl_info_str())};
}

/// A step that shares the first one's filter layout where the library has a kernel for that: 1x1 convolutions of one
/// and of two rows want different ones.
template <class MakeStep>
Step with_fitting_filter(const Plan& plan, const MakeStep& make) {
  Step shared = make(plan.filter_format());
  return shared.plain_loops && plan.filter_format() ? make(nullptr) : shared;
}

Step transposed_step(const Conv2dDims& d, const Problem& p, const TransposedPiece& t, const Desc* format,
                     const dnnl::engine& engine) {
  const auto type = type_of(p.in.dtype);
  const Desc dy = activation(t.large.images, t.rows, d.Q(), d.K, type), w = onednn::filter(d, type, format),
             dx = activation(t.large.images, t.large.rows, d.W, d.C, output_type(p));
  // The exact right padding: columns that no tap reads make it negative.
  const std::int64_t right = (d.Q() - 1) * d.stride_w + d.dilation_w * (d.S - 1) + 1 - d.W - d.pad.left;
  const Dims before{t.top, d.pad.left}, after{t.bottom, right};
  const auto direct = dnnl::algorithm::convolution_direct;
  // The library wants the convolution that this is the gradient of.
  const dnnl::convolution_forward::primitive_desc hint(
      {dnnl::prop_kind::forward_training, direct, Desc(dx.dims(), type, Format::nhwc), w, dy, strides(d), dilations(d),
       before, after},
      engine);
  const dnnl::convolution_backward_data::desc desc(direct, dx, w, dy, strides(d), dilations(d), before, after);
  const dnnl::convolution_backward_data::primitive_desc pd(desc, user_scratchpad(), engine, hint);
  return {dnnl::convolution_backward_data(pd),
          pd.diff_dst_desc(),
          pd.weights_desc(),
          pd.diff_src_desc(),
          pd.scratchpad_desc(),
          is_plain_loops(pd.impl_info_str())};
}

}  // namespace

Problem problem_of(const Conv2dForward& a) {
  const Conv2dDims& d = a.d;
  const bool stages = a.prologue || (d.pad_mode != PadMode::zero && d.pad != Pad4{});
  return {Conv2dForward::op,
          a.x,
          a.w,
          a.y,
          {d.N, d.H, d.W, d.C},
          {d.N, d.P(), d.Q(), d.K},
          a.prologue,
          a.epilogue,
          stages,
          can_write_through(a.epilogue, a.dtype()),
          d.pad.left,
          d.pad.right,
          d.pad_mode};
}

Problem problem_of(const Conv2dBackwardInput& a) {
  const Conv2dDims& d = a.d;
  return {Conv2dBackwardInput::op,
          a.dy,
          a.w,
          a.dx,
          {d.N, d.P(), d.Q(), d.K},
          {d.N, d.H, d.W, d.C},
          a.prologue,
          a.epilogue,
          static_cast<bool>(a.prologue),
          can_write_through(a.epilogue, a.dtype()),
          0,
          0,
          PadMode::zero};
}

std::shared_ptr<Plan> plan_forward(const Conv2dDims& d, const Problem& p, const dnnl::engine& engine) {
  const ThreadScope one(1);
  auto plan = std::make_shared<Plan>();
  std::map<std::tuple<std::int64_t, std::int64_t, int, int>, std::size_t> known;
  for (const Piece& out : cut_pieces(d.N, d.P(), piece_count(d.flops(), bytes_of(p)))) {
    Job j{out, out.begin * d.stride_h - d.pad.top, (out.rows - 1) * d.stride_h + d.dilation_h * (d.R - 1) + 1};
    int top = 0, bottom = 0;
    if (!p.stages) {  // the library pads: only rows inside the image are read
      const std::int64_t begin = std::max<std::int64_t>(0, j.in_begin), end = std::min(d.H, j.in_begin + j.in_rows);
      top = static_cast<int>(begin - j.in_begin), bottom = static_cast<int>(j.in_begin + j.in_rows - end);
      j.in_begin = begin, j.in_rows = end - begin;
      if (out.images > 1) j.in_rows = d.H, bottom = d.pad.bottom;  // rows that no tap reads included
    }
    const auto [at, is_new] = known.try_emplace({out.images, out.rows, top, bottom});
    if (is_new)
      at->second = plan->add(with_fitting_filter(
          *plan, [&](const Desc* format) { return forward_step(d, p, j, top, bottom, format, engine); }));
    j.step = at->second;
    plan->jobs.push_back(j);
  }
  return plan;
}

std::shared_ptr<Plan> plan_transposed(const Conv2dDims& d, const Problem& p, const dnnl::engine& engine) {
  const ThreadScope one(1);
  auto plan = std::make_shared<Plan>();
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t, int, int>, std::size_t> known;
  for (const TransposedPiece& t : cut_transposed(d, piece_count(d.flops(), bytes_of(p)))) {
    const auto [at, is_new] = known.try_emplace({t.large.images, t.large.rows, t.rows, t.top, t.bottom});
    if (is_new)
      at->second = plan->add(
          with_fitting_filter(*plan, [&](const Desc* format) { return transposed_step(d, p, t, format, engine); }));
    plan->jobs.push_back({t.large, t.begin, t.rows, at->second});
  }
  return plan;
}

}  // namespace sumi::onednn
