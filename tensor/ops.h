// The complete list of tensor ops. Each checks shapes, allocates its result, selects a kernel row and records history.
// Every op is differentiable in its Tensor arguments unless it says otherwise. Dims: N C H W, K R S, P Q, M N K.
#pragma once
#include <span>

#include "kernels/binary/binary.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/norm/norm.h"
#include "kernels/optimizer/optimizer.h"
#include "kernels/pool/pool.h"
#include "kernels/resample/resample.h"
#include "tensor/tensor.h"

namespace sumi {

// ---- elementwise: any shape -> the same shape
/// f of every element (kernels/map/functions.h); `a` is its parameter, as leaky_relu's slope. The rest are named cases.
Tensor map(const Tensor& x, Map f, double a = 0);
Tensor relu(const Tensor& x);
Tensor leaky_relu(const Tensor& x, double slope);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor rsqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor power(const Tensor& x, double exponent);
Tensor scale(const Tensor& x, double factor);  // x * factor
Tensor shift(const Tensor& x, double amount);  // x + amount

// ---- two tensors with broadcasting (a side of 1, or missing leading sides, is repeated)
Tensor add(const Tensor& a, const Tensor& b);
Tensor subtract(const Tensor& a, const Tensor& b);
Tensor multiply(const Tensor& a, const Tensor& b);
Tensor divide(const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);  // ties: the gradient goes to a
Tensor minimum(const Tensor& a, const Tensor& b);
inline Tensor operator+(const Tensor& a, const Tensor& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Tensor& b) { return subtract(a, b); }
inline Tensor operator*(const Tensor& a, const Tensor& b) { return multiply(a, b); }
inline Tensor operator/(const Tensor& a, const Tensor& b) { return divide(a, b); }
inline Tensor operator*(const Tensor& a, double f) { return scale(a, f); }
inline Tensor operator*(double f, const Tensor& a) { return scale(a, f); }
inline Tensor operator+(const Tensor& a, double s) { return shift(a, s); }
inline Tensor operator-(const Tensor& a, double s) { return shift(a, -s); }
inline Tensor operator-(const Tensor& a) { return scale(a, -1); }

// ---- reductions; `axes` empty: all. Kept axes have side 1; with keep = false they are dropped.
Tensor sum(const Tensor& x, std::initializer_list<int> axes = {}, bool keep = false);
Tensor mean(const Tensor& x, std::initializer_list<int> axes = {}, bool keep = false);
/// NaN wins. Has no gradient: throws Error where it would be recorded.
Tensor max(const Tensor& x, std::initializer_list<int> axes = {}, bool keep = false);
Tensor sum_to(const Tensor& x, const Shape& shape);        // the transpose of broadcasting
Tensor broadcast_to(const Tensor& x, const Shape& shape);  // and broadcasting itself

// ---- dtype
Tensor cast(const Tensor& x, DType dtype);

// ---- matrices
struct GemmOptions {
  bool transpose_a = false, transpose_b = false;
  double alpha = 1;
};
/// [B,M,K] x [B,K,N] -> [B,M,N]; rank 2 is a batch of one; a batch of 1 on one side serves all of the other's.
Tensor matmul(const Tensor& a, const Tensor& b, const GemmOptions& options = {});
/// [M,N] -> [N,M], or each matrix of a batch [B,M,N].
Tensor transpose(const Tensor& x);
/// x [N,H,W,C] -> [N,C,C]: x' x * factor over pixels. factor 0 means 1/(H W C).
Tensor gram(const Tensor& x, double factor = 0);
/// x [M,K] W' + bias: weight [N,K], bias [N] or empty -> [M,N].
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);
Tensor softmax(const Tensor& x);  // over the last axis
Tensor log_softmax(const Tensor& x);

// ---- convolution
/// Conv2dDims beyond the shapes; stride and dilation are those of both axes.
struct Conv2dOptions {
  int stride = 1, dilation = 1, groups = 1;
  Pad4 pad;
  PadMode pad_mode = PadMode::zero;
  Map act = Map::identity;  // fused activation, with its parameter
  double a = 0;
};
/// Statistics of channels or groups, f32 (f64 of f64).
struct Moments {
  Tensor mean, var;  // biased; of a norm's statistics: [N,groups], or [1,C] for batch
};
/// x [N,H,W,C], w [K,R,S,C/groups], bias [K] or empty -> [N,P,Q,K]. Non-null `channels` receive the moments [N,K] of
/// each image of the result, without history, where the row that runs takes them at the store; else they stay empty.
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& options = {},
              Moments* channels = nullptr);
/// Of the convolution that is transposed; output_pad adds rows and columns at the end, less than a stride.
struct ConvTranspose2dOptions {
  int stride = 1, dilation = 1, groups = 1;
  Pad4 pad;  // cropped from the full result
  int output_pad_h = 0, output_pad_w = 0;
};
/// x [N,P,Q,K], w [K,R,S,C/groups] (the filter of the convolution it transposes; PyTorch's [in,out/groups,R,S] becomes
/// [in,R,S,out/groups]), bias [C] or empty -> [N,(P-1) stride - pads + dilation (R-1) + 1 + output_pad, ..., C].
/// `channels` as conv2d's, [N,C].
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTranspose2dOptions& options,
                        Moments* channels = nullptr);

// ---- a 3x3 convolution, padded by 1, of an image enlarged to twice its sides by repeating pixels, folded into one
// transposed convolution of the small image: 16 multiplications where the enlarged image takes 36, and no such image.
/// [1,16,9] of zeros and ones: what upsampling_filter multiplies with, in its dtype. A constant to make once.
Tensor upsampling_matrix(const ContextPtr& context, DType dtype = DType::f32);
/// w [K,3,3,C] -> [C,4,4,K]: each weight is the sum of those of w that meet the same pixel of the small image.
Tensor upsampling_filter(const Tensor& w, const Tensor& matrix);
/// x [N,H,W,C], `filter` of upsampling_filter, bias [K] or empty -> [N,2H,2W,K]. `mode` pads the enlarged image.
Tensor upsampled_conv2d(const Tensor& x, const Tensor& filter, const Tensor& bias, PadMode mode,
                        Moments* channels = nullptr);
/// The transposed convolution's options, of x padded by repeating its edge once (PadMode::zero: as it is).
ConvTranspose2dOptions upsampling_options(PadMode mode);

// ---- a value whose per-channel affine and activation have not been applied yet
struct RecordedNorm;  // tensor/ops/norm.cpp
/// act(x * scale[n,c] + shift[n,c]) + residual; scale and shift [N,C] may both be empty, and so may residual (x's shape
/// and dtype). Convolutions apply the rest at load where there is no residual, NormApply all of it with padding or
/// upsampling in one pass. Under a history only apply() takes what is pending, and only what norm_pending() made.
struct Pending {
  Tensor x, scale, shift, residual;
  Map act = Map::identity;
  double a = 0;
  std::shared_ptr<const RecordedNorm> norm;  // what its gradients take
  Pending() = default;
  Pending(Tensor value) : x(std::move(value)) {}  // NOLINT: a Tensor is a Pending with nothing pending
  bool applied() const { return !scale && !residual && act == Map::identity; }
};
/// What apply() does after the affine and the activation.
struct ApplyOptions {
  Upsample upsample = Upsample::none;
  Pad4 pad;
  PadMode pad_mode = PadMode::zero;
};
/// p + residual, pending; p has no residual yet.
Pending plus(Pending p, const Tensor& residual);
/// pad(upsample(act(x scale + shift) + residual)) in one pass. Under a history it is recorded: with norm_pending's
/// result norm and residual as one op, which enlarges and pads too where resizes_at_once(); otherwise all but the
/// residual must be applied already, and each step is an op.
Tensor apply(const Pending& p, const ApplyOptions& options = {});
/// True of norm_pending's result where the kernel that takes a norm's gradient on this device, in this dtype, also
/// takes that of what `options` does to its size. Otherwise the gradient goes back through passes of its own.
bool resizes_at_once(const Pending& p, const ApplyOptions& options);

/// Which elements share statistics; groups as in NormDims (instance: C, layer: 1).
enum class NormKind : std::uint8_t { batch, instance, group, layer };
/// The kind of norm, and the activation that follows it in the same pass.
struct NormOptions {
  NormKind kind = NormKind::instance;
  int groups = 1;  // group norm only
  double eps = 1e-5;
  Map act = Map::identity;
  double a = 0;
};
/// act((x - mean) / sqrt(var + eps) * weight + bias), weight and bias [C] or both empty. Recorded.
Tensor norm(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormOptions& options);
/// The same, for apply() to finish. Non-null `channels` are the moments [N,C] of x, all of an image's channels over
/// equally many pixels, as a convolution takes them at the store: x is not read.
Pending norm_pending(const Tensor& x, const Tensor& weight, const Tensor& bias, const NormOptions& options,
                     const Moments* channels = nullptr);
/// norm() where the statistics are there already: those that moments() gives for x and this kind of norm.
Tensor norm(const Tensor& x, const Moments& statistics, const Tensor& weight, const Tensor& bias,
            const NormOptions& options);
/// The same with constant statistics [C] (batch norm at inference). Differentiable in x, weight, bias.
Tensor norm_with(const Tensor& x, const Tensor& mean, const Tensor& var, const Tensor& weight, const Tensor& bias,
                 const NormOptions& options);
Moments moments(const Tensor& x, NormKind kind, int groups = 1);  // not recorded

/// conv (or transposed conv) of a pending input, with the statistics of its output taken at the store and folded with
/// weight, bias into the next pending affine. Not recorded: use only when !recording(...).
Pending conv2d_norm(const Pending& x, const Tensor& w, const Tensor& conv_bias, const Conv2dOptions& conv,
                    const Tensor& weight, const Tensor& bias, const NormOptions& options);
Pending conv_transpose2d_norm(const Pending& x, const Tensor& w, const Tensor& conv_bias,
                              const ConvTranspose2dOptions& conv, const Tensor& weight, const Tensor& bias,
                              const NormOptions& options);
/// conv of a pending input with bias and act at the store. Not recorded.
Tensor conv2d_pending(const Pending& x, const Tensor& w, const Tensor& bias, const Conv2dOptions& conv);
/// The same of a transposed one, without activation.
Tensor conv_transpose2d_pending(const Pending& x, const Tensor& w, const Tensor& bias,
                                const ConvTranspose2dOptions& conv);

// ---- pictures
Tensor pad(const Tensor& x, const Pad4& pad, PadMode mode);  // negative sides crop (zero mode)
/// [N,H,W,C] -> [N,P,Q,C].
Tensor resample(const Tensor& x, std::int64_t P, std::int64_t Q, Interpolation interpolation,
                Coordinates coordinates = Coordinates::half_pixel);
/// [N,H,W,C block^2] -> [N,H block,W block,C], in PyTorch's order of channels, and back.
Tensor pixel_shuffle(const Tensor& x, int block);
Tensor pixel_unshuffle(const Tensor& x, int block);
/// As PyTorch's pooling layers; square windows.
struct PoolOptions {
  int window = 2, stride = 2;
  Pad4 pad;
  bool ceil_mode = false, count_include_pad = true;
};
/// [N,H,W,C] -> [N,P,Q,C]; padding never wins a maximum.
Tensor max_pool(const Tensor& x, const PoolOptions& options = {});
Tensor average_pool(const Tensor& x, const PoolOptions& options = {});
Tensor global_average_pool(const Tensor& x);  // [N,H,W,C] -> [N,1,1,C]

// ---- losses: one-element results
/// Means over all elements: of the square, of the magnitude, of Huber's (quadratic up to delta).
Tensor mse_loss(const Tensor& x, const Tensor& target);
Tensor l1_loss(const Tensor& x, const Tensor& target);
Tensor huber_loss(const Tensor& x, const Tensor& target, double delta = 1);
/// Of [N,H,W,C]: mean |difference|^p of vertical neighbours plus that of horizontal ones, p = 1 or 2.
Tensor total_variation(const Tensor& x, int p = 1);

// ---- in place, never recorded
/// One step over all slots; the versions of what it writes are bumped. `copy` and `ema` may be empty, and so may
/// `schedule`, the operand of that name in kernels/optimizer/optimizer.h.
struct OptimizerParameter {
  Tensor w, g, m, v, copy, ema;
};
void optimizer_step(const OptimizerStep& settings, std::span<const OptimizerParameter> parameters,
                    const Tensor& schedule = {});

}  // namespace sumi
