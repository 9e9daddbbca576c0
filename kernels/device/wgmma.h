// Warpgroup products (wgmma): four warps multiply a 64 x 16 tile by a 16 x N one, both in shared memory, while they go
// on. Issued between fence_products() and commit_products(); wait_for_products() orders the sums. Nothing may touch the
// sums or the tiles in between.
//
// Sums (PTX ISA, "Register Fragments for wgmma.mma_async.m64nNk16"): d[i] of thread t of the warpgroup is
//   D[16 (t / 32) + t % 32 / 4 + 8 (i / 2 % 2)][8 (i / 4) + 2 (t % 4) + i % 2].
//
// Tiles in shared memory, 128-byte swizzle (PTX ISA, "Shared Memory Matrix Layout", "Strides", "Matrix Descriptor
// Format"; bits 0-13 the address / 16, 16-29 the leading offset / 16, 32-45 the stride offset / 16, 49-51 the base
// offset, 62-63 the swizzle, 1 for 128 bytes). As the copy engine writes them:
//   Major::k   a box of 64 k x rows: each row (m or n) is a line of 128 bytes; 8 lines make a swizzle atom of 1024
//              bytes, which is the stride offset; the leading offset is not used. 16 k further: 32 bytes on.
//   Major::mn  boxes of 64 rows x 64 k, one after the other: each k is a line of 64 rows; the stride offset, from 8 k
//              to the next 8, is 1024 bytes; the leading offset, from 64 rows to the next 64, is 8192. 16 k further:
//              2048 bytes on.
// Tiles start on multiples of 1024 bytes, so that the base offset is 0.
#pragma once
#include "kernels/device/hopper.h"

namespace sumi {

/// Which direction of a tile is contiguous.
enum class Major : std::uint8_t { k, mn };

/// k in a tile's line (Major::k) or its lines (Major::mn); bytes of a line, and of a Major::mn box.
inline constexpr int kTileK = 64, kTileLine = kTileK * 2, kTileBox = 64 * kTileLine;

/// The descriptor of a tile's columns k0 to k0 + 15, from row `row` on (a multiple of 8; of 64 when Major::mn).
template <Major M>
__device__ __forceinline__ std::uint64_t tile_columns(const void* tile, int row, int k0) {
  constexpr std::uint64_t kSwizzle128 = std::uint64_t{1} << 62;
  const unsigned offset = static_cast<unsigned>(M == Major::k ? row * 128 + k0 * 2 : row / 64 * kTileBox + k0 * 128);
  constexpr unsigned kInBlock = 0x3ffff;  // above, in a cluster, stands the block's rank
  const std::uint64_t start = ((intrin::shared_address(tile) & kInBlock) + offset) >> 4;
  constexpr std::uint64_t leading = M == Major::k ? 1 : kTileBox / 16, stride = 1024 / 16;
  return start | leading << 16 | stride << 32 | kSwizzle128;
}

}  // namespace sumi

#if !defined(__CUDACC__)
#include <simt/wgmma.h>
#else

namespace sumi {
namespace intrin {

/// Keeps the compiler from moving accesses of the sums across.
template <int Count>
__device__ __forceinline__ void pin(float (&d)[Count]) {
#pragma unroll
  for (int i = 0; i < Count; i++) asm volatile("" : "+f"(d[i])::"memory");
}

/// How PTX calls T.
template <class T>
struct ElementName;
template <>
struct ElementName<__half> {
  static constexpr const char text[] = "f16";
};
template <>
struct ElementName<__nv_bfloat16> {
  static constexpr const char text[] = "bf16";
};

template <class T, Major MA, Major MB>
__device__ __forceinline__ void multiply_m64n64k16(float (&d)[32], std::uint64_t a, std::uint64_t b, bool add) {
  asm volatile(
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %34, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n64k16.f32.%37.%37 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, "
      "%32, %33, adds, 1, 1, %35, %36;\n}"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
        "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]),
        "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]),
        "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
      : "l"(a), "l"(b), "r"(static_cast<int>(add)), "n"(static_cast<int>(MA)), "n"(static_cast<int>(MB)),
        "C"(ElementName<T>::text));
}

template <class T, Major MA, Major MB>
__device__ __forceinline__ void multiply_m64n128k16(float (&d)[64], std::uint64_t a, std::uint64_t b, bool add) {
  asm volatile(
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %66, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n128k16.f32.%69.%69 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
      "%64, %65, adds, 1, 1, %67, %68;\n}"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
        "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]),
        "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]),
        "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]),
        "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]),
        "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]),
        "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), "+f"(d[56]),
        "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
      : "l"(a), "l"(b), "r"(static_cast<int>(add)), "n"(static_cast<int>(MA)), "n"(static_cast<int>(MB)),
        "C"(ElementName<T>::text));
}

template <class T, Major MA, Major MB>
__device__ __forceinline__ void multiply_m64n256k16(float (&d)[128], std::uint64_t a, std::uint64_t b, bool add) {
  asm volatile(
      "{\n.reg .pred adds;\nsetp.ne.b32 adds, %130, 0;\n"
      "wgmma.mma_async.sync.aligned.m64n256k16.f32.%133.%133 {"
      "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
      "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
      "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
      "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, "
      "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, "
      "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "
      "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "
      "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, "
      "%128, %129, adds, 1, 1, %131, %132;\n}"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]),
        "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]),
        "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]),
        "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]),
        "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]),
        "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]),
        "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), "+f"(d[56]),
        "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63]), "+f"(d[64]),
        "+f"(d[65]), "+f"(d[66]), "+f"(d[67]), "+f"(d[68]), "+f"(d[69]), "+f"(d[70]), "+f"(d[71]), "+f"(d[72]),
        "+f"(d[73]), "+f"(d[74]), "+f"(d[75]), "+f"(d[76]), "+f"(d[77]), "+f"(d[78]), "+f"(d[79]), "+f"(d[80]),
        "+f"(d[81]), "+f"(d[82]), "+f"(d[83]), "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87]), "+f"(d[88]),
        "+f"(d[89]), "+f"(d[90]), "+f"(d[91]), "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95]), "+f"(d[96]),
        "+f"(d[97]), "+f"(d[98]), "+f"(d[99]), "+f"(d[100]), "+f"(d[101]), "+f"(d[102]), "+f"(d[103]), "+f"(d[104]),
        "+f"(d[105]), "+f"(d[106]), "+f"(d[107]), "+f"(d[108]), "+f"(d[109]), "+f"(d[110]), "+f"(d[111]), "+f"(d[112]),
        "+f"(d[113]), "+f"(d[114]), "+f"(d[115]), "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119]), "+f"(d[120]),
        "+f"(d[121]), "+f"(d[122]), "+f"(d[123]), "+f"(d[124]), "+f"(d[125]), "+f"(d[126]), "+f"(d[127])
      : "l"(a), "l"(b), "r"(static_cast<int>(add)), "n"(static_cast<int>(MA)), "n"(static_cast<int>(MB)),
        "C"(ElementName<T>::text));
}

}  // namespace intrin

/// Before the first product on sums that anything else has touched.
template <int Count>
__device__ __forceinline__ void fence_products(float (&d)[Count]) {
  intrin::pin(d);
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

/// d = A B, plus d when `add`; N = 64, 128 or 256 columns. T: __half or __nv_bfloat16.
template <class T, Major MA, Major MB, int Count>
__device__ __forceinline__ void multiply_async(float (&d)[Count], std::uint64_t a, std::uint64_t b, bool add) {
  static_assert(Count == 32 || Count == 64 || Count == 128);
  if constexpr (Count == 32)
    intrin::multiply_m64n64k16<T, MA, MB>(d, a, b, add);
  else if constexpr (Count == 64)
    intrin::multiply_m64n128k16<T, MA, MB>(d, a, b, add);
  else
    intrin::multiply_m64n256k16<T, MA, MB>(d, a, b, add);
}

/// Closes a group of the warpgroup's products.
__device__ __forceinline__ void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/// Until all but the latest Open groups are done: their tiles may be written again, and, where no later group adds to
/// them, d read.
template <int Open, int Count>
__device__ __forceinline__ void wait_for_products(float (&d)[Count]) {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Open) : "memory");
  intrin::pin(d);
}

}  // namespace sumi
#endif
