// Small shape types shared by the ops' argument structs.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace sumi {

/// Padding of an image: rows above and below, columns left and right. Negative values crop (op `pad` only).
struct Pad4 {
  int top = 0, bottom = 0, left = 0, right = 0;
  static constexpr Pad4 all(int p) { return {p, p, p, p}; }
  friend constexpr bool operator==(const Pad4&, const Pad4&) = default;
};

/// What stands outside the image: 0; the mirror image without the edge pixel (-1 -> 1); the edge pixel.
enum class PadMode : std::uint8_t { zero, reflect, replicate };
/// "reflect", as keys and messages say it.
constexpr std::string_view name_of(PadMode m) {
  constexpr std::string_view names[] = {"zero", "reflect", "replicate"};
  return names[static_cast<int>(m)];
}

/// The image index that padded index `i` reads, or -1 for a zero. Reflection needs |i| within one image (checked by
/// ops).
constexpr std::int64_t padded_index(std::int64_t i, std::int64_t n, PadMode mode) {
  if (i >= 0 && i < n) return i;
  if (mode == PadMode::zero) return -1;
  if (mode == PadMode::reflect) i = i < 0 ? -i : 2 * n - 2 - i;
  return std::clamp<std::int64_t>(i, 0, n - 1);
}

/// An N,H,W,C activation.
struct Dims4 {
  std::int64_t N = 1, H = 1, W = 1, C = 1;
  constexpr std::int64_t count() const { return N * H * W * C; }
  friend constexpr bool operator==(const Dims4&, const Dims4&) = default;
};

}  // namespace sumi
