// The decoders and encoders behind image.h, on bytes in memory.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "apps/image.h"

namespace sumi {

/// `name` stands in error messages only.
Image decode_jpeg(const std::string& name, std::string_view bytes);
Image decode_stb(const std::string& name, std::string_view bytes);

std::string encode_jpeg(int width, int height, const std::vector<std::uint8_t>& rgb, int quality);
std::string encode_png(const Image& image);

/// EXIF's orientation tag (1..8) in an APP1 payload, 1 where there is none or it is damaged.
int exif_orientation(std::string_view app1);
/// The picture turned upright from orientation 1..8 (EXIF 2.3: 2 mirrored, 3 upside down, 6 and 8 on their sides...).
Image upright(Image image, int orientation);

std::string libjpeg_version();
std::string stb_version();

}  // namespace sumi
