// The emulator's tensor maps, and which bytes of global memory a copy moves.
#pragma once
#include <functional>

#include "kernels/device/tensor_map.h"

namespace simt {

/// What stands in the 128 bytes of a CUtensorMap.
struct TensorMap {
  static constexpr std::uint32_t kMagic = 0x5443414du;
  std::uint32_t magic = kMagic;
  std::uint8_t rank = 0, element = 0, im2col = 0;
  sumi::Swizzle swizzle = sumi::Swizzle::none;
  const char* data = nullptr;
  std::int64_t stride[4] = {};              // bytes, of dimensions 1 and up
  std::uint32_t largest[5] = {};            // index of a dimension
  std::uint16_t box[5] = {};                // im2col: channels, pixels
  std::int8_t first[2] = {}, last[2] = {};  // im2col: corners w, h
  std::uint8_t step[2] = {1, 1};            // im2col: w, h
  std::size_t bytes() const {
    std::size_t n = element;
    for (int i = 0; i < rank; i++) n *= box[i];
    return n;
  }
};
static_assert(sizeof(TensorMap) <= sizeof(CUtensorMap));

/// 16 bytes of a box: where they stand in it, the address of the first in global memory, and which of them exist there.
struct BoxChunk {
  std::size_t offset;
  const char* from;
  int begin, end;
};

/// One copy's box.
struct TensorBox {
  TensorMap map;
  int at[5] = {};
  unsigned offset[2] = {};  // im2col: w, h

  /// Throws simt::Error's cause through fail() when `map` is none, or of another kind than the instruction.
  static TensorBox of(const CUtensorMap* map, std::initializer_list<int> at, bool im2col);
  void visit(const std::function<void(const BoxChunk&)>& f) const;
  /// Where byte `offset` of the box goes, from a place that is a multiple of eight spans.
  std::size_t swizzled(std::size_t offset) const;

 private:
  void visit_row(std::size_t row, const char* start, bool there, const std::function<void(const BoxChunk&)>& f) const;
  void visit_tiled(const std::function<void(const BoxChunk&)>& f) const;
  void visit_pixels(const std::function<void(const BoxChunk&)>& f) const;
};

}  // namespace simt
