// Tensor maps by the CUDA driver, whose functions are looked up at run time: the program links no libcuda.
#include <cuda_runtime_api.h>

#include "kernels/device/tensor_map_limits.h"

namespace sumi {
namespace {

/// The driver's function of that name, as of CUDA 12.0.
template <class F>
F driver_function(const char* name) {
  void* f = nullptr;
  cudaDriverEntryPointQueryResult found{};
#if CUDART_VERSION >= 12050
  const cudaError_t e = cudaGetDriverEntryPointByVersion(name, &f, 12000, cudaEnableDefault, &found);
#else
  const cudaError_t e = cudaGetDriverEntryPoint(name, &f, cudaEnableDefault, &found);
#endif
  check(e == cudaSuccess && found == cudaDriverEntryPointSuccess && f, "cuda: the driver has no ", name);
  return reinterpret_cast<F>(f);
}

CUtensorMapDataType type_of(DType t) {
  switch (t) {
    case DType::f16:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT16;
    case DType::bf16:
      return CU_TENSOR_MAP_DATA_TYPE_BFLOAT16;
    case DType::f32:
      return CU_TENSOR_MAP_DATA_TYPE_FLOAT32;
    case DType::u8:
      return CU_TENSOR_MAP_DATA_TYPE_UINT8;
    default:
      fail("tensor map: no such type: ", name_of(t));
  }
}

CUtensorMapSwizzle swizzle_of(Swizzle s) { return static_cast<CUtensorMapSwizzle>(s); }
static_assert(static_cast<int>(Swizzle::span128) == CU_TENSOR_MAP_SWIZZLE_128B &&
              static_cast<int>(Swizzle::span32) == CU_TENSOR_MAP_SWIZZLE_32B);

/// Lines of L2 that a load promotes to; boxes of 128 bytes a row come back to the same lines.
constexpr CUtensorMapL2promotion kPromotion = CU_TENSOR_MAP_L2_PROMOTION_L2_256B;

void expect(CUresult r, const char* what) {
  check(r == CUDA_SUCCESS, "cuda: ", what, " refused a tensor map, error ", static_cast<int>(r));
}

}  // namespace

CUtensorMap tensor_map(const TiledTensor& t) {
  using Encode = decltype(&cuTensorMapEncodeTiled);
  static const Encode encode = driver_function<Encode>("cuTensorMapEncodeTiled");
  check_limits(t);
  cuuint64_t size[5], stride[5];
  cuuint32_t box[5], step[5];
  for (int i = 0; i < t.rank; i++) {
    size[i] = static_cast<cuuint64_t>(t.size[i]);
    if (i > 0) stride[i - 1] = static_cast<cuuint64_t>(t.stride[i]);
    box[i] = static_cast<cuuint32_t>(t.box[i]);
    step[i] = 1;
  }
  CUtensorMap map;
  expect(
      encode(&map, type_of(t.dtype), static_cast<cuuint32_t>(t.rank), const_cast<void*>(t.data), size, stride, box,
             step, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle_of(t.swizzle), kPromotion, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
      "cuTensorMapEncodeTiled");
  return map;
}

CUtensorMap tensor_map(const Im2colTensor& t) {
  using Encode = decltype(&cuTensorMapEncodeIm2col);
  static const Encode encode = driver_function<Encode>("cuTensorMapEncodeIm2col");
  check_limits(t);
  const auto bytes = static_cast<std::int64_t>(size_of(t.dtype));
  const std::int64_t sizes[] = {t.C, t.W, t.H, t.N};
  cuuint64_t size[4], stride[3];
  for (int i = 0; i < 4; i++) size[i] = static_cast<cuuint64_t>(sizes[i]);
  stride[0] = static_cast<cuuint64_t>(t.C * bytes);
  stride[1] = stride[0] * size[1], stride[2] = stride[1] * size[2];
  const int first[] = {t.first_w, t.first_h}, last[] = {t.last_w, t.last_h};
  const cuuint32_t step[] = {1, static_cast<cuuint32_t>(t.stride_w), static_cast<cuuint32_t>(t.stride_h), 1};
  CUtensorMap map;
  expect(encode(&map, type_of(t.dtype), 4, const_cast<void*>(t.data), size, stride, first, last,
                static_cast<cuuint32_t>(t.channels), static_cast<cuuint32_t>(t.pixels), step,
                CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle_of(t.swizzle), kPromotion, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE),
         "cuTensorMapEncodeIm2col");
  return map;
}

}  // namespace sumi
