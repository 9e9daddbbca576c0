// Element types and their conversions. f16 and bf16 are storage types: arithmetic happens in f32.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kernels/core/error.h"

namespace sumi {

/// Types of stored elements; u8 is for pictures, and only casts take it.
enum class DType : std::uint8_t { f32, f64, f16, bf16, u8 };

/// Bytes of one element.
constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::f64:
      return 8;
    case DType::f32:
      return 4;
    case DType::f16:
    case DType::bf16:
      return 2;
    case DType::u8:
      return 1;
  }
  return 0;
}

/// "f32", as messages and file names say it.
constexpr std::string_view name_of(DType t) {
  constexpr std::string_view names[] = {"f32", "f64", "f16", "bf16", "u8"};
  return names[static_cast<int>(t)];
}

/// IEEE binary16. Converts with round to nearest even; overflow gives infinity, NaN stays NaN.
struct Half {
  std::uint16_t bits = 0;
  Half() = default;
  explicit Half(float f);
  operator float() const;
};

/// The upper half of a binary32. Rounds to nearest even; NaN stays NaN.
struct BFloat16 {
  std::uint16_t bits = 0;
  BFloat16() = default;
  explicit BFloat16(float f) {
    const auto u = std::bit_cast<std::uint32_t>(f);
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    // Both are computed, so that loops vectorise.
    const std::uint32_t quiet = (u >> 16) | 0x40u, rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    bits = static_cast<std::uint16_t>(nan ? quiet : rounded);
  }
  operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16); }
};

inline Half::operator float() const {
  const std::uint32_t sign = (bits & 0x8000u) << 16, rest = bits & 0x7fffu;
  if (rest >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | ((rest & 0x3ffu) << 13));
  // Shifting the exponent by a multiplication handles subnormals too: 2^112 rebiases 15 to 127.
  const float magnitude = std::bit_cast<float>(rest << 13) * 0x1p112f;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
}

inline Half::Half(float f) {
  const auto u = std::bit_cast<std::uint32_t>(f);
  const auto sign = static_cast<std::uint16_t>((u >> 16) & 0x8000u);
  const std::uint32_t rest = u & 0x7fffffffu;
  std::uint32_t h;
  if (rest > 0x7f800000u) {
    h = 0x7e00u;
  } else if (rest >= 0x477ff000u) {  // 65520 and above round to infinity
    h = 0x7c00u;
  } else if (rest < 0x38800000u) {  // below 2^-14: adding 0.5 aligns the mantissa to the subnormal step, and rounds
    h = std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest) + 0.5f) - 0x3f000000u;
  } else {
    h = (rest - 0x38000000u + 0xfffu + ((rest >> 13) & 1u)) >> 13;
  }
  bits = static_cast<std::uint16_t>(sign | h);
}

/// The dtype of a storage type of the host.
template <class T>
inline constexpr DType dtype_of = [] {
  if constexpr (sizeof(T) == 8)
    return DType::f64;
  else if constexpr (sizeof(T) == 4)
    return DType::f32;
  else if constexpr (sizeof(T) == 1)
    return DType::u8;
  else
    return DType::bf16;
}();
template <>
inline constexpr DType dtype_of<Half> = DType::f16;

/// Calls f(T{}) with T the storage type of `t`: float, double, Half or BFloat16. Throws for u8.
template <class F>
decltype(auto) visit_float(DType t, F&& f) {
  switch (t) {
    case DType::f32:
      return f(float{});
    case DType::f64:
      return f(double{});
    case DType::f16:
      return f(Half{});
    case DType::bf16:
      return f(BFloat16{});
    case DType::u8:
      break;
  }
  fail("expected a floating-point dtype, got ", name_of(t));
}

/// Calls f(float{}) or f(BFloat16{}): what rows that claim kF32BF16 store.
template <class F>
decltype(auto) visit_f32_bf16(DType t, F&& f) {
  if (t == DType::bf16) return f(BFloat16{});
  return f(float{});
}

/// A set of dtypes: what a row claims.
struct DTypes {
  std::uint8_t bits = 0;
  constexpr bool has(DType t) const { return bits >> static_cast<int>(t) & 1; }
  friend constexpr DTypes operator|(DTypes a, DTypes b) { return {static_cast<std::uint8_t>(a.bits | b.bits)}; }
};
/// The set of one, and the sets that rows claim.
constexpr DTypes only(DType t) { return {static_cast<std::uint8_t>(1 << static_cast<int>(t))}; }
inline constexpr DTypes kF32 = only(DType::f32), kF64 = only(DType::f64), kF16 = only(DType::f16),
                        kBF16 = only(DType::bf16), kF32BF16 = kF32 | kBF16, kGpuFloats = kF32 | kF16 | kBF16,
                        kAllFloats = kF32 | kF64 | kF16 | kBF16;

/// Per-channel parameters, statistics and losses stay in f32 (f64 where the data is f64, for the gradient checks).
constexpr DType param_dtype(DType data) { return data == DType::f64 ? DType::f64 : DType::f32; }

}  // namespace sumi
