// launch() and dynamic shared memory, for nvcc.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "kernels/core/error.h"
#include "kernels/device/launch.h"

namespace sumi {

/// What <<<...>>> cannot say: blocks in clusters.
template <class... P>
cudaError_t launch_cluster(void (*kernel)(P...), const Launch& l, P... args) {
  cudaLaunchAttribute attribute{};
  attribute.id = cudaLaunchAttributeClusterDimension;
  attribute.val.clusterDim.x = l.cluster, attribute.val.clusterDim.y = attribute.val.clusterDim.z = 1;
  cudaLaunchConfig_t config{};
  config.gridDim = l.grid, config.blockDim = l.block, config.dynamicSmemBytes = l.smem, config.stream = l.stream;
  config.attrs = &attribute, config.numAttrs = 1;
  void* pointers[] = {&args...};
  return cudaLaunchKernelExC(&config, reinterpret_cast<const void*>(kernel), pointers);
}

/// Whether the error is an earlier kernel's, which every call reports from then on.
inline bool is_sticky(cudaError_t e) {
  switch (e) {
    case cudaErrorIllegalAddress:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorIllegalInstruction:
    case cudaErrorHardwareStackError:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
      return true;
    default:
      return false;
  }
}

/// Enqueues kernel<<<...>>>(args...). Throws Error with CUDA's text when the launch is refused.
template <class... P, class... A>
void launch(void (*kernel)(P...), const Launch& l, A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel takes all its arguments");
  constexpr std::size_t kStaticLimit = 48 * 1024;  // more needs asking for
  cudaError_t e = cudaSuccess;
  if (l.smem > kStaticLimit)
    e = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(l.smem));
  if (e == cudaSuccess && l.cluster > 1) {
    e = launch_cluster(kernel, l, static_cast<P>(args)...);
  } else if (e == cudaSuccess) {
    kernel<<<l.grid, l.block, l.smem, l.stream>>>(static_cast<P>(args)...);
    e = cudaGetLastError();
  }
  if (e == cudaSuccess) return;
  if (is_sticky(e))
    fail("cuda: an earlier kernel failed: ", cudaGetErrorString(e), " (CUDA_LAUNCH_BLOCKING=1 shows which)");
  cudaGetLastError();
  fail("cuda: a kernel of ", l.block.x * l.block.y * l.block.z, " threads and ", l.smem,
       " bytes of shared memory was not launched: ", cudaGetErrorString(e));
}

/// The block's dynamic shared memory, 1024-byte aligned (what 128-byte swizzled tiles want).
template <class T>
__device__ __forceinline__ T* dyn_smem() {
  extern __shared__ __align__(1024) unsigned char sumi_dynamic_shared[];
  return reinterpret_cast<T*>(sumi_dynamic_shared);
}

}  // namespace sumi
