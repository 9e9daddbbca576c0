// Vectors of f32 from and to f32 and bf16 memory, whole, partial and past the caches. Included once per target.
#if defined(KERNELS_CORE_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KERNELS_CORE_VECTORS_INL_H_
#undef KERNELS_CORE_VECTORS_INL_H_
#else
#define KERNELS_CORE_VECTORS_INL_H_
#endif

#include <hwy/cache_control.h>
#include <hwy/highway.h>

#include <cstring>

#include "kernels/core/dtype.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Up to 16 lanes: rows that count in sixteens fit every target.
using FloatTag = hn::CappedTag<float, 16>;
using FloatVector = hn::Vec<FloatTag>;
using HalfWidthTag = hn::Rebind<std::uint16_t, FloatTag>;
HWY_INLINE std::int64_t lanes() { return static_cast<std::int64_t>(hn::Lanes(FloatTag())); }

HWY_INLINE FloatVector load_vector(const float* p) { return hn::LoadU(FloatTag(), p); }
HWY_INLINE FloatVector load_vector(const BFloat16* p) {
  const hn::RebindToUnsigned<FloatTag> wide;
  const auto bits = hn::LoadU(HalfWidthTag(), reinterpret_cast<const std::uint16_t*>(p));
  return hn::BitCast(FloatTag(), hn::ShiftLeft<16>(hn::PromoteTo(wide, bits)));
}

/// Rounds to nearest even as BFloat16(float) does; NaN stays NaN.
HWY_INLINE hn::Vec<HalfWidthTag> to_bfloat16(FloatVector v) {
  const hn::RebindToUnsigned<FloatTag> wide;
  const hn::RebindToSigned<FloatTag> narrowable;
  const auto u = hn::BitCast(wide, v), high = hn::ShiftRight<16>(u);
  const auto odd = hn::And(high, hn::Set(wide, 1u));
  const auto rounded = hn::ShiftRight<16>(hn::Add(u, hn::Add(odd, hn::Set(wide, 0x7fffu))));
  const auto nan = hn::RebindMask(wide, hn::IsNaN(v));
  const auto bits = hn::IfThenElse(nan, hn::Or(high, hn::Set(wide, 0x40u)), rounded);
  return hn::DemoteTo(HalfWidthTag(), hn::BitCast(narrowable, bits));
}

HWY_INLINE void store_vector(FloatVector v, float* p) { hn::StoreU(v, FloatTag(), p); }
HWY_INLINE void store_vector(FloatVector v, BFloat16* p) {
  hn::StoreU(to_bfloat16(v), HalfWidthTag(), reinterpret_cast<std::uint16_t*>(p));
}

/// True where vectors of T stored from p on may go past the caches: non-temporal stores are aligned and at least 16
/// bytes wide.
template <class T>
HWY_INLINE bool streams_from(const T* p) {
  const auto bytes = static_cast<std::uintptr_t>(lanes()) * sizeof(T);
  return bytes >= 16 && reinterpret_cast<std::uintptr_t>(p) % bytes == 0;
}
/// Past the caches: a large result that nobody reads soon costs no read of its lines before the write.
HWY_INLINE void stream_vector(FloatVector v, float* p) { hn::Stream(v, FloatTag(), p); }
HWY_INLINE void stream_vector(FloatVector v, BFloat16* p) {
  hn::Stream(to_bfloat16(v), HalfWidthTag(), reinterpret_cast<std::uint16_t*>(p));
}

/// The first `count` lanes; the others are 0 and their memory is not touched.
template <class T>
HWY_INLINE FloatVector load_part(const T* p, std::int64_t count) {
  HWY_ALIGN T buffer[16] = {};
  std::memcpy(buffer, p, static_cast<std::size_t>(count) * sizeof(T));
  return load_vector(buffer);
}
template <class T>
HWY_INLINE void store_part(FloatVector v, T* p, std::int64_t count) {
  HWY_ALIGN T buffer[16];
  store_vector(v, buffer);
  std::memcpy(p, buffer, static_cast<std::size_t>(count) * sizeof(T));
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();
#endif
