// Vectors as they travel. What is held while more loads are issued, or is either a load or zeros, stays raw until it is
// used: unpacked 16-bit elements take a register each, and to unpack a load is to wait for it.
#pragma once
#include "kernels/device/elements.h"

namespace sumi {

template <class T, int V = kVector<T>>
using Raw = typename RawBytes<static_cast<int>(sizeof(T)) * V>::type;

/// One load of V elements, as load_vector().
template <class T, int V = kVector<T>>
__device__ __forceinline__ Raw<T, V> load_raw(const T* p) {
  return *reinterpret_cast<const Raw<T, V>*>(p);
}

template <class T, int V = kVector<T>>
__device__ __forceinline__ Vector<T, V> unpack(const Raw<T, V>& raw) {
  Vector<T, V> out;
  memcpy(&out, &raw, sizeof raw);
  return out;
}

template <class T, int V>
__device__ __forceinline__ Raw<T, V> pack(const Vector<T, V>& x) {
  Raw<T, V> raw;
  memcpy(&raw, &x, sizeof raw);
  return raw;
}

}  // namespace sumi
