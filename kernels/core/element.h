// Reading and writing one element of a storage type as a wider number: what the reference rows are made of.
#pragma once
#include "kernels/core/tensor_ref.h"

namespace sumi {

/// p[i] as a double, and v rounded to T in its place; f16 and bf16 are rounded from f32.
template <class T>
double load(const T* p, std::int64_t i) {
  return static_cast<double>(p[i]);
}
template <class T>
void store(T* p, std::int64_t i, double v) {
  if constexpr (sizeof(T) >= 4)
    p[i] = static_cast<T>(v);
  else
    p[i] = T(static_cast<float>(v));
}

/// p[i] = v in the form that loops vectorise: members, not whole structs, are assigned.
inline void put(float* p, std::int64_t i, float v) { p[i] = v; }
inline void put(BFloat16* p, std::int64_t i, float v) { p[i].bits = BFloat16(v).bits; }

/// Element i of a param operand (f32 or f64), or `absent` where there is none.
inline double param(const TensorRef& t, std::int64_t i, double absent) {
  if (!t) return absent;
  return t.dtype == DType::f64 ? t.as<double>()[i] : static_cast<double>(t.as<float>()[i]);
}
/// v to element i of a param operand, which must be there.
inline void store_param(const TensorRef& t, std::int64_t i, double v) {
  if (t.dtype == DType::f64)
    t.as<double>()[i] = v;
  else
    t.as<float>()[i] = static_cast<float>(v);
}

}  // namespace sumi
