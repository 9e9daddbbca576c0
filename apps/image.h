// Pictures in memory and in files.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sumi {

/// 8-bit sRGB, rows from the top; `rgb` is H*W*3 bytes, `alpha` H*W bytes or empty where the picture has none.
struct Image {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb, alpha;
};

inline constexpr int kLongestSide = 16384;
inline constexpr std::int64_t kMostPixels = 64 << 20;

/// Reads JPEG (EXIF orientation applied; grey and CMYK become RGB) by libjpeg-turbo, anything else that stb_image knows
/// (PNG, BMP, GIF's first frame, TGA, PNM, PSD). Sizes are checked from the header, before decoding. Throws Error with
/// the file's name: missing, not an image, damaged or cut short, no pixels, too large.
Image read_image(const std::string& path);

/// Writes by extension: .png (alpha kept) or .jpg/.jpeg (quality 95, alpha flattened on white), atomically: the file is
/// there whole or not at all. Throws Error naming an unknown extension, or what the system said.
void write_image(const std::string& path, const Image& image);

/// Throws Error unless `path` ends in an extension that write_image knows.
void check_writable_extension(const std::string& path);

/// True when the name looks like a picture's, for choosing files in a folder.
bool has_image_extension(const std::string& path);

/// Throws Error unless 1 <= sides <= kLongestSide and there are at most kMostPixels.
void check_image_size(const std::string& path, std::int64_t width, std::int64_t height);

}  // namespace sumi
