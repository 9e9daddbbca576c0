// Tensor-core products, matrix loads and asynchronous copies in inline PTX (hopper.h and wgmma.h have sm_90a's). A C++
// compiler takes the emulator's twin. Whole warps call the warp-wide ones. sm_75 has neither asynchronous copies, which
// are plain ones there, nor products of bf16 and tf32, which trap.
//
// Fragments of a 16 x 8 x 16 product (PTX ISA, "Matrix Fragments for mma.m16n8k16"), g = lane / 4, q = lane % 4:
//   a[i] = A[g + 8 (i & 1)][2q + 8 (i >> 1) + {0, 1}]     b[i] = B[2q + 8 i + {0, 1}][g]
//   d[i] = D[g + 8 (i >> 1)][2q + (i & 1)]
// of a 16 x 8 x 8 one in tf32:
//   a[i] = A[g + 8 (i & 1)][q + 4 (i >> 1)]               b[i] = B[q + 4 i][g]
#pragma once
#include "kernels/device/device.h"
#if !defined(__CUDACC__)
#include <simt/intrin.h>
#else

namespace sumi {
namespace intrin {

/// The address within shared memory, which PTX wants.
__device__ __forceinline__ unsigned shared_address(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

}  // namespace intrin

/// Begins to copy Bytes (4, 8 or 16, both sides aligned to them) from global to shared memory; zeros where `present` is
/// false, and then `src` is not read.
template <int Bytes>
__device__ __forceinline__ void copy_async(void* dst, const void* src, bool present) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
#if __CUDA_ARCH__ < 800
  using Words = std::conditional_t<Bytes == 4, unsigned, std::conditional_t<Bytes == 8, uint2, uint4> >;
  *static_cast<Words*>(dst) = present ? *static_cast<const Words*>(src) : Words{};
#else
  const unsigned to = intrin::shared_address(dst);
  const int from = present ? Bytes : 0;
  if constexpr (Bytes == 16)  // past L1: every byte is read once by a block
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(src), "r"(from) : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(src), "n"(Bytes), "r"(from) : "memory");
#endif
}

/// Closes a group of the thread's copies.
__device__ __forceinline__ void commit_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

/// Waits until all but the thread's latest Open groups have landed. Other threads see them after a barrier.
template <int Open>
__device__ __forceinline__ void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(Open) : "memory");
#endif
}

/// Four 8 x 8 matrices of 16-bit elements: lane 8 i + r names row r of matrix i (16 bytes, aligned), and gets
/// elements 2q, 2q + 1 of row g of matrix i in r[i].
__device__ __forceinline__ void load_matrices_x4(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(intrin::shared_address(row))
               : "memory");
}
/// Two; lanes 16 to 31 name nothing.
__device__ __forceinline__ void load_matrices_x2(unsigned (&r)[2], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];"
               : "=r"(r[0]), "=r"(r[1])
               : "r"(intrin::shared_address(row))
               : "memory");
}
/// Four, transposed: a lane gets elements g of rows 2q, 2q + 1.
__device__ __forceinline__ void load_matrices_x4_transposed(unsigned (&r)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(intrin::shared_address(row))
               : "memory");
}

#if __CUDA_ARCH__ < 800

namespace intrin {

/// d += A B, A 16 x 8 and B 8 x 8.
__device__ __forceinline__ void multiply_m16n8k8_f16(float (&d)[4], unsigned a0, unsigned a1, unsigned b) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a0), "r"(a1), "r"(b));
}

}  // namespace intrin

template <class T>
__device__ __forceinline__ void multiply_m16n8k16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  if constexpr (std::is_same_v<T, __half>) {
    intrin::multiply_m16n8k8_f16(d, a[0], a[1], b[0]);
    intrin::multiply_m16n8k8_f16(d, a[2], a[3], b[1]);
  } else {
    __trap();
  }
}
__device__ __forceinline__ unsigned to_tf32(float) { __trap(); }
__device__ __forceinline__ void multiply_m16n8k8_tf32(float (&)[4], const unsigned (&)[4], const unsigned (&)[2]) {
  __trap();
}

#else

/// d += A B, A 16 x 16 and B 16 x 8 of `T`, sums in f32.
template <class T>
__device__ __forceinline__ void multiply_m16n8k16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  if constexpr (std::is_same_v<T, __half>)
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
  else
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// v rounded to tf32 (10 bits of mantissa), as the bits that multiply_m16n8k8_tf32 takes.
__device__ __forceinline__ unsigned to_tf32(float v) {
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(v));
  return bits;
}

/// d += A B, A 16 x 8 and B 8 x 8 in tf32, sums in f32.
__device__ __forceinline__ void multiply_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif

}  // namespace sumi
#endif
