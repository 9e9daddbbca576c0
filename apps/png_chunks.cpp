#include "apps/png_chunks.h"

#include <string>

#include "apps/codecs.h"

namespace sumi {
namespace {

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t v = 0;
  for (std::size_t i = 0; i < 4; i++) v = v << 8 | static_cast<std::uint8_t>(bytes[i]);
  return v;
}

/// The data of the first chunk of that type, without its checksum; nothing when it is not there whole.
std::optional<std::string_view> chunk(std::string_view bytes, std::string_view type) {
  constexpr std::size_t kAround = 12;  // length, type, checksum
  if (!bytes.starts_with(kPngSignature)) return {};
  for (bytes.remove_prefix(kPngSignature.size()); bytes.size() >= kAround;) {
    const std::size_t size = big_endian(bytes);
    if (size > bytes.size() - kAround) return {};
    if (bytes.substr(4, 4) == type) return bytes.substr(8, size);
    bytes.remove_prefix(size + kAround);
  }
  return {};
}

}  // namespace

std::optional<PngHeader> png_header(std::string_view bytes) {
  const auto data = chunk(bytes, "IHDR");
  if (!data || data->size() < 8) return {};
  return PngHeader{big_endian(*data), big_endian(data->substr(4))};
}

int png_orientation(std::string_view bytes) {
  const auto data = chunk(bytes, "eXIf");
  return data ? exif_orientation(std::string("Exif\0\0", 6).append(*data)) : 1;
}

}  // namespace sumi
