// Everything but JPEG through stb_image: the only file that includes it.
#include <algorithm>
#include <cstring>
#include <memory>

#include "apps/codecs.h"
#include "apps/png_chunks.h"
#include "kernels/core/error.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STBI_NO_JPEG
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_STDIO
#define STBI_FAILURE_USERMSG
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace sumi {
namespace {

/// Hands the bytes out and remembers whether the decoder wanted more than there are: for BMP, TGA and PNM stb goes on
/// with zeros at the end of a file.
struct Source {
  std::string_view bytes;
  std::size_t at = 0;
  bool short_read = false;
};

int read(void* user, char* out, int size) {
  constexpr int kRefill = 128;  // stb's buffer: it asks for this much ahead; any other request must be met in full
  auto& s = *static_cast<Source*>(user);
  const auto n = static_cast<int>(std::min(s.bytes.size() - s.at, static_cast<std::size_t>(size)));
  std::memcpy(out, s.bytes.data() + s.at, static_cast<std::size_t>(n));
  s.at += static_cast<std::size_t>(n);
  s.short_read |= n == 0 || (n < size && size != kRefill);
  return n;
}

void skip(void* user, int n) {
  auto& s = *static_cast<Source*>(user);
  const auto target = static_cast<std::int64_t>(s.at) + n;
  s.at = static_cast<std::size_t>(std::clamp<std::int64_t>(target, 0, static_cast<std::int64_t>(s.bytes.size())));
}

int at_end(void* user) {
  const auto& s = *static_cast<Source*>(user);
  return s.at >= s.bytes.size();
}

constexpr stbi_io_callbacks kCallbacks{read, skip, at_end};

/// Why the last call failed; some of stb's paths give no reason. To be asked after that call, in another statement.
std::string failure() {
  const char* reason = stbi_failure_reason();
  return reason && *reason ? reason : "damaged";
}

/// Grey, grey + alpha, RGB or RGBA to an Image.
Image unpack(const std::uint8_t* p, int width, int height, int channels) {
  const std::size_t n = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  const auto c = static_cast<std::size_t>(channels);
  Image image{width, height, std::vector<std::uint8_t>(n * 3), {}};
  if (c % 2 == 0) image.alpha.resize(n);
  for (std::size_t i = 0; i < n; i++) {
    for (std::size_t k = 0; k < 3; k++) image.rgb[i * 3 + k] = p[i * c + (c >= 3 ? k : 0)];
    if (c % 2 == 0) image.alpha[i] = p[i * c + c - 1];
  }
  return image;
}

void append(void* user, void* data, int size) {
  static_cast<std::string*>(user)->append(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

}  // namespace

Image decode_stb(const std::string& name, std::string_view bytes) {
  if (const auto png = png_header(bytes)) check_image_size(name, png->width, png->height);
  int width = 0, height = 0, channels = 0;
  Source header{bytes};
  const bool known = stbi_info_from_callbacks(&kCallbacks, &header, &width, &height, &channels) != 0;
  check(known, name, ": not a picture that can be read: ", bytes.starts_with(kPngSignature) ? "PNG, but " : "",
        failure(), "; PNG, JPEG, BMP, GIF, TGA, PNM and PSD can");
  check_image_size(name, width, height);
  Source body{bytes};
  const std::unique_ptr<stbi_uc, decltype(&std::free)> pixels(
      stbi_load_from_callbacks(&kCallbacks, &body, &width, &height, &channels, 0), &std::free);
  check(pixels != nullptr, name, ": damaged picture: ", failure());
  check(!body.short_read, name, ": damaged picture: the file ends too early");
  return upright(unpack(pixels.get(), width, height, channels), png_orientation(bytes));
}

std::string encode_png(const Image& image) {
  std::string out;
  const int channels = image.alpha.empty() ? 3 : 4;
  std::vector<std::uint8_t> rgba;
  if (channels == 4) {
    rgba.resize(image.alpha.size() * 4);
    for (std::size_t i = 0; i < image.alpha.size(); i++) {
      for (std::size_t c = 0; c < 3; c++) rgba[i * 4 + c] = image.rgb[i * 3 + c];
      rgba[i * 4 + 3] = image.alpha[i];
    }
  }
  const auto* pixels = channels == 4 ? rgba.data() : image.rgb.data();
  check(stbi_write_png_to_func(append, &out, image.width, image.height, channels, pixels, image.width * channels) != 0,
        "PNG: out of memory");
  return out;
}

std::string stb_version() { return concat("stb_image ", STBI_VERSION); }

}  // namespace sumi
