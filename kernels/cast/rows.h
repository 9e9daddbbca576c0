// The functions behind the rows of the cast table.
#pragma once
#include "kernels/cast/cast.h"

namespace sumi {

/// The definition: the affine in double, then one conversion.
void cast_reference(const Cast& a, Context& ctx);

/// Calls f(T{}) with T the storage type of `t`, u8 included.
template <class F>
decltype(auto) visit_dtype(DType t, F&& f) {
  if (t == DType::u8) return f(std::uint8_t{});
  if (t == DType::f64) return f(double{});
  if (t == DType::f16) return f(Half{});
  if (t == DType::bf16) return f(BFloat16{});
  return f(float{});
}

/// One pass in single precision, for every pair of f32, f16, bf16 and u8.
void cast_vectorized(const Cast& a, Context& ctx);

namespace cuda {

/// 16 bytes a thread on the wider side.
void cast_vectorized(const Cast& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
