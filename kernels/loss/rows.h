// The functions behind the rows of the four loss tables.
#pragma once
#include "kernels/loss/loss.h"
#include "kernels/map/elementary.h"

namespace sumi {

/// f(e) and f'(e) of an error e, written once for every row.
template <Loss F, class T>
SUMI_HD T loss_value(T e, [[maybe_unused]] T delta) {
  const T size = e < 0 ? -e : e;
  if constexpr (F == Loss::mse)
    return e * e;
  else if constexpr (F == Loss::l1)
    return size;
  else
    return size <= delta ? e * e / 2 : delta * (size - delta / 2);
}
template <Loss F, class T>
SUMI_HD T loss_derivative(T e, [[maybe_unused]] T delta) {
  if constexpr (F == Loss::mse)
    return 2 * e;
  else if constexpr (F == Loss::l1)
    return e > 0 ? T{1} : e < 0 ? T{-1} : e;  // 0 or NaN stay
  else
    return e > delta ? delta : e < -delta ? -delta : e;
}

/// Calls visit(std::integral_constant<Loss, f>{}).
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <class V>
SUMI_HD decltype(auto) visit_loss(Loss f, V&& visit) {
  switch (f) {
    case Loss::mse:
      return visit(std::integral_constant<Loss, Loss::mse>{});
    case Loss::l1:
      return visit(std::integral_constant<Loss, Loss::l1>{});
    case Loss::huber:
      break;
  }
  return visit(std::integral_constant<Loss, Loss::huber>{});
}

/// |e|^p is f of l1 or mse.
constexpr Loss loss_of_power(int p) { return p == 1 ? Loss::l1 : Loss::mse; }

/// The number of vertical and of horizontal neighbours of total variation.
inline std::int64_t vertical_pairs(const Dims4& d) { return d.N * (d.H - 1) * d.W * d.C; }
inline std::int64_t horizontal_pairs(const Dims4& d) { return d.N * d.H * (d.W - 1) * d.C; }
/// 1/pairs, or 0 where there are none.
inline double weight_of(std::int64_t pairs) { return pairs > 0 ? 1 / static_cast<double>(pairs) : 0; }

/// The definition: computed in double whatever the storage type.
void loss_forward_reference(const LossForward& a, Context& ctx);
void loss_backward_reference(const LossBackward& a, Context& ctx);
void total_variation_forward_reference(const TotalVariationForward& a, Context& ctx);
void total_variation_backward_reference(const TotalVariationBackward& a, Context& ctx);

/// One pass in single precision, forward sums in double over fixed parts.
void loss_forward_chunked(const LossForward& a, Context& ctx);
void loss_backward_vectorized(const LossBackward& a, Context& ctx);
void total_variation_forward_chunked(const TotalVariationForward& a, Context& ctx);
void total_variation_backward_vectorized(const TotalVariationBackward& a, Context& ctx);

/// Forward in two stages: a partial sum a block, in fixed places, and a block that adds them.
namespace cuda {

void loss_forward_chunked(const LossForward& a, Context& ctx);
void loss_backward_vectorized(const LossBackward& a, Context& ctx);
void total_variation_forward_stencil(const TotalVariationForward& a, Context& ctx);
void total_variation_backward_stencil(const TotalVariationBackward& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
