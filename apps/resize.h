// Antialiased resizing, the same as Pillow's.
#pragma once
#include "apps/image.h"

namespace sumi {

enum class ResizeFilter : std::uint8_t { bicubic, lanczos };

/// Keys' cubic (a = -0.5, support 2) or Lanczos (support 3), widened by the factor of reduction; two passes, the
/// horizontal first, each rounded to 8 bits, weights in 22-bit fixed point: equal to Pillow's Image.resize. With alpha,
/// colours are weighted by it.
Image resize(const Image& image, int width, int height, ResizeFilter filter = ResizeFilter::bicubic);

/// Resized so that the longer (shorter) side is `side`, the other one rounded, at least 1.
Image resize_long_side(const Image& image, int side);
Image resize_short_side(const Image& image, int side);

}  // namespace sumi
