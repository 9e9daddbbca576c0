// The one EXIF tag that changes a picture: its orientation.
#include <optional>

#include "apps/codecs.h"

namespace sumi {
namespace {

/// A TIFF structure: 16- and 32-bit numbers in either byte order, absent past the end.
struct Tiff {
  std::string_view bytes;
  bool little;
  std::optional<std::uint32_t> number(std::size_t at, std::size_t size) const {
    if (at > bytes.size() || bytes.size() - at < size) return {};
    std::uint32_t v = 0;
    for (std::size_t i = 0; i < size; i++)
      v = v << 8 | static_cast<std::uint8_t>(bytes[at + (little ? size - 1 - i : i)]);
    return v;
  }
};

}  // namespace

int exif_orientation(std::string_view app1) {
  constexpr std::string_view kHeader{"Exif\0\0", 6};
  constexpr std::uint32_t kOrientation = 0x0112;
  if (!app1.starts_with(kHeader)) return 1;
  app1.remove_prefix(kHeader.size());
  const Tiff tiff{app1, app1.starts_with("II")};
  const auto ifd = tiff.number(4, 4);
  const auto entries = ifd ? tiff.number(*ifd, 2) : std::nullopt;
  for (std::uint32_t i = 0; entries && i < *entries; i++) {
    const std::size_t at = std::size_t{*ifd} + 2 + std::size_t{i} * 12;
    const auto tag = tiff.number(at, 2), value = tiff.number(at + 8, 2);
    if (!tag || !value) break;
    if (*tag == kOrientation) return *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
  }
  return 1;
}

Image upright(Image image, int orientation) {
  if (orientation == 1) return image;
  const int w = image.width, h = image.height;
  const bool swapped = orientation >= 5;
  Image out{swapped ? h : w, swapped ? w : h, std::vector<std::uint8_t>(image.rgb.size()),
            std::vector<std::uint8_t>(image.alpha.size())};
  for (int y = 0; y < out.height; y++)
    for (int x = 0; x < out.width; x++) {
      int sx = swapped ? y : x, sy = swapped ? x : y;
      if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8) sx = w - 1 - sx;
      if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7) sy = h - 1 - sy;
      const auto from = static_cast<std::size_t>(sy) * static_cast<std::size_t>(w) + static_cast<std::size_t>(sx);
      const auto to = static_cast<std::size_t>(y) * static_cast<std::size_t>(out.width) + static_cast<std::size_t>(x);
      for (std::size_t c = 0; c < 3; c++) out.rgb[to * 3 + c] = image.rgb[from * 3 + c];
      if (!image.alpha.empty()) out.alpha[to] = image.alpha[from];
    }
  return out;
}

}  // namespace sumi
