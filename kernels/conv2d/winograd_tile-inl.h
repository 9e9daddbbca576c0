// One tile into and out of Winograd's domain, with what is fused into the load and the store.
#if defined(SUMI_WINOGRAD_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef SUMI_WINOGRAD_TILE_INL_H_
#undef SUMI_WINOGRAD_TILE_INL_H_
#else
#define SUMI_WINOGRAD_TILE_INL_H_
#endif

#include "kernels/conv2d/winograd_gemm-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sumi::winograd::HWY_NAMESPACE {

constexpr float kA1 = kA, kA2 = kA * kA, kA3 = kA * kA * kA, kB1 = kB, kB2 = kB * kB, kB3 = kB * kB * kB;

/// B^T d, 6 -> 6.
HWY_INLINE void transform_input(const Vec d[6], Vec o[6]) {
  const Lanes f;
  const Vec a = hn::Set(f, kA1), b = hn::Set(f, kB1), a2 = hn::Set(f, kA2), b2 = hn::Set(f, kB2);
  const Vec product = hn::Set(f, kA2 * kB2), sum = hn::Set(f, kA2 + kB2);
  const Vec u = hn::NegMulAdd(b2, d[2], d[4]), v = hn::NegMulAdd(b2, d[1], d[3]);
  const Vec m = hn::NegMulAdd(a2, d[2], d[4]), n = hn::NegMulAdd(a2, d[1], d[3]);
  o[0] = hn::MulAdd(product, d[0], hn::NegMulAdd(sum, d[2], d[4]));
  o[1] = hn::MulAdd(a, v, u);
  o[2] = hn::NegMulAdd(a, v, u);
  o[3] = hn::MulAdd(b, n, m);
  o[4] = hn::NegMulAdd(b, n, m);
  o[5] = hn::MulAdd(product, d[1], hn::NegMulAdd(sum, d[3], d[5]));
}

/// A^T m, 6 -> 4.
HWY_INLINE void transform_output(const Vec m[6], Vec o[4]) {
  const Lanes f;
  const Vec s1 = hn::Add(m[1], m[2]), d1 = hn::Sub(m[1], m[2]), s2 = hn::Add(m[3], m[4]), d2 = hn::Sub(m[3], m[4]);
  o[0] = hn::Add(hn::Add(m[0], s1), s2);
  o[1] = hn::MulAdd(hn::Set(f, kA1), d1, hn::Mul(hn::Set(f, kB1), d2));
  o[2] = hn::MulAdd(hn::Set(f, kA2), s1, hn::Mul(hn::Set(f, kB2), s2));
  o[3] = hn::MulAdd(hn::Set(f, kA3), d1, hn::MulAdd(hn::Set(f, kB3), d2, m[5]));
}

using Bits = hn::RebindToUnsigned<Lanes>;
using HalfBits = hn::Rebind<std::uint16_t, Lanes>;

HWY_INLINE Vec load_vector(const float* p) { return hn::LoadU(Lanes(), p); }
HWY_INLINE Vec load_vector(const BFloat16* p) {
  const auto bits = hn::LoadU(HalfBits(), reinterpret_cast<const std::uint16_t*>(p));
  return hn::BitCast(Lanes(), hn::ShiftLeft<16>(hn::PromoteTo(Bits(), bits)));
}

/// The first n (none, where n <= 0) elements; zeros behind them.
template <class T>
HWY_INLINE Vec load_first(const T* p, std::int64_t n) {
  if (n >= kLanes) return load_vector(p);
  alignas(64) float part[kLanes] = {};
  for (std::int64_t i = 0; i < n; i++) part[i] = static_cast<float>(p[i]);
  return hn::Load(Lanes(), part);
}

/// v as T will hold it.
template <class T>
HWY_INLINE Vec rounded(Vec v) {
  if constexpr (sizeof(T) == 4) return v;
  const Bits u;
  const auto bits = hn::BitCast(u, v);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1));
  const auto nearest = hn::And(hn::Add(bits, hn::Add(odd, hn::Set(u, 0x7fff))), hn::Set(u, 0xffff0000u));
  const Vec quiet = hn::BitCast(Lanes(), hn::Or(hn::And(bits, hn::Set(u, 0xffff0000u)), hn::Set(u, 0x400000)));
  return hn::IfThenElse(hn::IsNaN(v), quiet, hn::BitCast(Lanes(), nearest));
}

HWY_INLINE void store_vector(Vec v, float* p) { hn::StoreU(v, Lanes(), p); }
HWY_INLINE void store_vector(Vec v, BFloat16* p) {
  const hn::RebindToSigned<Lanes> i;
  const auto high = hn::ShiftRight<16>(hn::BitCast(Bits(), v));
  hn::StoreU(hn::DemoteTo(HalfBits(), hn::BitCast(i, high)), HalfBits(), reinterpret_cast<std::uint16_t*>(p));
}
template <class T>
HWY_INLINE void store_first(Vec v, T* p, std::int64_t n) {
  if (n >= kLanes) return store_vector(v, p);
  alignas(64) float part[kLanes];
  hn::Store(v, Lanes(), part);
  for (std::int64_t i = 0; i < n; i++) p[i] = T(part[i]);
}

template <Map kAct>
HWY_INLINE Vec activate(Vec v, Vec slope) {
  const auto negative = hn::Lt(v, hn::Zero(Lanes()));  // false for NaN, which passes
  if constexpr (kAct == Map::relu) return hn::IfThenZeroElse(negative, v);
  if constexpr (kAct == Map::leaky_relu) return hn::IfThenElse(negative, hn::Mul(v, slope), v);
  return v;
}

template <class T>
struct InputTile {
  const T* x;                       // the image
  std::ptrdiff_t rows[6], cols[6];  // where its rows and columns begin; -1: zeros
  std::int64_t C;
  const float *scale, *shift;  // of this image
  float slope;
  float* v;            // this tile's slot
  std::int64_t v_row;  // to the slot's next 16 channels
};

/// Channels [begin, end). kMapped: whether there is a prologue. kEdge: zeros among the pixels or fewer channels than
/// lanes.
template <class T, bool kMapped, Map kAct, bool kEdge>
void input_tile(const InputTile<T>& t, std::int64_t begin, std::int64_t end) {
  const Lanes f;
  const Vec slope = hn::Set(f, t.slope);
  for (std::int64_t c = begin; c < end; c += kLanes) {
    const std::int64_t n = kEdge ? t.C - c : kLanes;
    float* v = t.v + c / kGroup * t.v_row + c % kGroup;
    Vec half[6][6], scale, shift;
    if constexpr (kMapped) scale = load_first(t.scale + c, n), shift = load_first(t.shift + c, n);
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) {
      Vec d[6], o[6];
      const T* column = t.x + t.cols[j] + c;
#pragma GCC unroll 6
      for (int i = 0; i < 6; i++) {
        if (kEdge && (t.rows[i] < 0 || t.cols[j] < 0)) {
          d[i] = hn::Zero(f);
          continue;
        }
        d[i] = load_first(column + t.rows[i], n);
        if (j < 4) __builtin_prefetch(column + t.rows[i] + 10 * t.C, 0, 2);  // two tiles on, into L2
        __builtin_prefetch(column + t.rows[i] + 32, 0, 3);
        if constexpr (kMapped) d[i] = activate<kAct>(hn::MulAdd(d[i], scale, shift), slope);
      }
      transform_input(d, o);
#pragma GCC unroll 6
      for (int i = 0; i < 6; i++) half[i][j] = o[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < 6; i++) {
      Vec o[6];
      transform_input(half[i], o);
#pragma GCC unroll 6
      for (int j = 0; j < 6; j++) hn::Store(o[j], f, v + (i * 6 + j) * kGroup);
    }
  }
}

template <class T>
struct OutputTile {
  const float* products;  // (K/16, 36, 16)
  T* y;                   // the tile's first pixel
  const T* residual;      // likewise, or null
  std::ptrdiff_t row, column;
  std::int64_t h, w, K;  // pixels and channels to keep
  const float* bias;     // or null
  float slope;
  float *shift, *sum, *squares;  // of this chunk and image
  bool first;                    // the first tile of these
  bool stream;
};

/// Channels [begin, end) of the tile's. kEdge: not all pixels or lanes are kept.
template <class T, Map kAct, bool kStats, bool kEdge>
void output_tile(const OutputTile<T>& t, std::int64_t begin, std::int64_t end) {
  const Lanes f;
  const Vec slope = hn::Set(f, t.slope);
  for (std::int64_t k = begin; k < end; k += kLanes) {
    const std::int64_t n = kEdge ? t.K - k : kLanes;
    const float* m = t.products + k / kGroup * (kPoints * kGroup) + k % kGroup;
    Vec half[4][6];
#pragma GCC unroll 6
    for (int j = 0; j < 6; j++) {
      Vec d[6], o[4];
#pragma GCC unroll 6
      for (int i = 0; i < 6; i++) d[i] = hn::Load(f, m + (i * 6 + j) * kGroup);
      transform_output(d, o);
#pragma GCC unroll 4
      for (int i = 0; i < 4; i++) half[i][j] = o[i];
    }
    const Vec bias = t.bias ? load_first(t.bias + k, n) : hn::Zero(f);
    Vec shift = hn::Zero(f), sum = shift, squares = shift;
    if (kStats && !t.first)
      shift = hn::Load(f, t.shift + k), sum = hn::Load(f, t.sum + k), squares = hn::Load(f, t.squares + k);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      if (kEdge && i >= t.h) break;
      Vec o[4];
      transform_output(half[i], o);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        if (kEdge && j >= t.w) break;
        const std::ptrdiff_t at = i * t.row + j * t.column + k;
        Vec r = hn::Add(o[j], bias);
        if (t.residual) r = hn::Add(r, load_first(t.residual + at, n));
        r = rounded<T>(activate<kAct>(r, slope));
        if constexpr (kStats) {
          if (i == 0 && j == 0 && t.first) shift = r;
          const Vec delta = hn::Sub(r, shift);
          sum = hn::Add(sum, delta), squares = hn::MulAdd(delta, delta, squares);
        }
        if constexpr (kEdge)
          store_first(r, t.y + at, n);
        else if (sizeof(T) == 4 && t.stream)
          hn::Stream(r, f, reinterpret_cast<float*>(t.y + at));
        else
          store_vector(r, t.y + at);
      }
    }
    if constexpr (kStats) {
      hn::Store(shift, f, t.shift + k), hn::Store(sum, f, t.sum + k), hn::Store(squares, f, t.squares + k);
    }
  }
}

}  // namespace sumi::winograd::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // per-target include guard
