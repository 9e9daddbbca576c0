#include "kernels/conv2d/graph_problem.h"

namespace sumi::cudnn {
namespace {

/// The largest power of two, up to 128, that divides all the addresses.
std::int64_t alignment_of(std::initializer_list<TensorRef> operands) {
  std::uintptr_t bits = 128;
  for (const TensorRef& t : operands) bits |= reinterpret_cast<std::uintptr_t>(t.data);
  return static_cast<std::int64_t>(bits & (~bits + 1));
}

bool pads_zeros(const Conv2dDims& d) { return d.pad_mode == PadMode::zero || d.pad == Pad4{}; }

template <class Args>
bool epilogue_only(const Args& a) {
  const Epilogue& e = a.epilogue;
  return pads_zeros(a.d) && is_fusible(a.prologue, e) && !a.prologue && !e.residual && !e.mean &&
         (!e.bias || e.bias.dtype == DType::f32);
}

template <class Args>
Problem with_epilogue(Problem p, const Args& a) {
  const Epilogue& e = a.epilogue;
  p.d = a.d, p.bias = static_cast<bool>(e.bias), p.act = e.act, p.a = e.act == Map::leaky_relu ? e.a : 0;
  return p;
}

}  // namespace

std::string Problem::key() const {
  constexpr std::string_view passes[] = {"forward", "backward_input", "backward_weight"};
  return concat(passes[static_cast<int>(pass)], ' ', d.key(), bias ? "+bias" : "", '+', name_of(act), a, ' ',
                tf32 ? "tf32" : name_of(in), ' ', name_of(out), any_order ? " any order" : "", " align", alignment);
}

bool expressible(const Conv2dForward& a) {
  return epilogue_only(a) && a.w.dtype == a.x.dtype && a.y.dtype == a.x.dtype;
}
bool expressible(const Conv2dBackwardInput& a) {
  return epilogue_only(a) && a.w.dtype == a.dy.dtype && a.dx.dtype == a.dy.dtype;
}
bool expressible(const Conv2dBackwardWeight& a) {
  return pads_zeros(a.d) && a.dy.dtype == a.x.dtype && (a.dw.dtype == a.x.dtype || a.dw.dtype == DType::f32);
}

Problem problem_of(const Conv2dForward& a) {
  return with_epilogue({.pass = Pass::forward,
                        .in = a.x.dtype,
                        .out = a.y.dtype,
                        .alignment = alignment_of({a.x, a.w, a.y, a.epilogue.bias})},
                       a);
}
Problem problem_of(const Conv2dBackwardInput& a) {
  return with_epilogue({.pass = Pass::backward_input,
                        .in = a.dy.dtype,
                        .out = a.dx.dtype,
                        .alignment = alignment_of({a.dy, a.w, a.dx, a.epilogue.bias})},
                       a);
}
Problem problem_of(const Conv2dBackwardWeight& a) {
  return {.pass = Pass::backward_weight,
          .d = a.d,
          .in = a.x.dtype,
          .out = a.dw.dtype,
          .alignment = alignment_of({a.x, a.dy, a.dw})};
}

}  // namespace sumi::cudnn
