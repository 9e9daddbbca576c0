// Storage types on the device, and 16-byte accesses: a warp that reads 16 bytes a lane moves 512 contiguous bytes.
// Device operands start 256-byte aligned (an allocation's start; tensors are never views), so whole vectors are
// aligned.
#pragma once
#include <cstdint>

#include "kernels/core/dtype.h"
#include "kernels/device/device.h"

namespace sumi {

/// A stored element as the f32 that is computed with; exact.
__device__ __forceinline__ float to_float(float v) { return v; }
__device__ __forceinline__ float to_float(__half v) { return __half2float(v); }
__device__ __forceinline__ float to_float(__nv_bfloat16 v) { return __bfloat162float(v); }
__device__ __forceinline__ float to_float(std::uint8_t v) { return static_cast<float>(v); }

/// An f32 as it is stored: to nearest even; overflow of f16 gives infinity.
template <class T>
__device__ __forceinline__ T from_float(float v) {
  if constexpr (sizeof(T) == 4)
    return v;
  else if constexpr (std::is_same_v<T, __half>)
    return __float2half_rn(v);
  else
    return __float2bfloat16_rn(v);
}

/// Elements of T in 16 bytes.
template <class T>
inline constexpr int kVector = static_cast<int>(16 / sizeof(T));

/// V neighbours, aligned to their size together (2 to 16 bytes): one load or store.
template <class T, int V = kVector<T>>
struct alignas(sizeof(T) * V) Vector {
  T v[V];
};

/// The integer type that moves B bytes at once.
template <int B>
struct RawBytes;
template <>
struct RawBytes<2> {
  using type = unsigned short;
};
template <>
struct RawBytes<4> {
  using type = unsigned;
};
template <>
struct RawBytes<8> {
  using type = uint2;
};
template <>
struct RawBytes<16> {
  using type = uint4;
};

/// One load of V elements; p must be aligned to their size together.
template <class T, int V = kVector<T>>
__device__ __forceinline__ Vector<T, V> load_vector(const T* p) {
  using Raw = typename RawBytes<static_cast<int>(sizeof(T)) * V>::type;
  const Raw raw = *reinterpret_cast<const Raw*>(p);
  Vector<T, V> out;
  memcpy(&out, &raw, sizeof raw);
  return out;
}

/// One store of V elements; p as for load_vector.
template <class T, int V>
__device__ __forceinline__ void store_vector(T* p, const Vector<T, V>& x) {
  using Raw = typename RawBytes<static_cast<int>(sizeof(T)) * V>::type;
  Raw raw;
  memcpy(&raw, &x, sizeof raw);
  *reinterpret_cast<Raw*>(p) = raw;
}

/// Calls f(T{}) with the device's type of a GPU dtype: float, __half or __nv_bfloat16.
template <class F>
decltype(auto) visit_gpu_float(DType t, F&& f) {
  if (t == DType::f16) return f(__half{});
  if (t == DType::bf16) return f(__nv_bfloat16{});
  check(t == DType::f32, "expected f32, f16 or bf16 on the GPU, got ", name_of(t));
  return f(float{});
}

/// Blocks that cover n in steps of `each`.
inline unsigned blocks_for(std::int64_t n, std::int64_t each) {
  const std::int64_t blocks = (n + each - 1) / each;
  check(blocks <= 0x7fffffff, "cuda: ", n, " elements are too many for one grid");
  return static_cast<unsigned>(blocks > 0 ? blocks : 1);
}

}  // namespace sumi
