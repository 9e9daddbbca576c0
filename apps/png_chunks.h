// What stb_image does not tell about a PNG.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace sumi {

inline constexpr std::string_view kPngSignature{"\x89PNG\r\n\x1a\n", 8};

struct PngHeader {
  std::uint32_t width, height;
};
/// The sides in IHDR, whatever they are; nothing for a file that is not a PNG or ends before them.
std::optional<PngHeader> png_header(std::string_view bytes);

/// EXIF's orientation (1..8) in an eXIf chunk, 1 where there is none.
int png_orientation(std::string_view bytes);

}  // namespace sumi
