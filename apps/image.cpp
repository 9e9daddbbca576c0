#include "apps/image.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "apps/codecs.h"
#include "kernels/core/error.h"
#include "nn/safetensors.h"

namespace sumi {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kLargestFile = std::uintmax_t{1} << 30;

std::string extension_of(const std::string& path) {
  std::string e = fs::path(path).extension().string();
  std::transform(e.begin(), e.end(), e.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return e;
}

std::string read_whole(const std::string& path) {
  std::error_code error;
  check(fs::exists(path, error), path, ": no such file");
  check(!fs::is_directory(path, error), path, ": is a folder, expected a picture");
  check(fs::is_regular_file(path, error), path, ": not a regular file");
  check(fs::file_size(path, error) <= kLargestFile, path, ": larger than 1 GiB");
  std::ifstream in(path, std::ios::binary);
  check(in.good(), path, ": cannot be read: ", std::strerror(errno));
  std::string bytes{std::istreambuf_iterator<char>(in), {}};
  check(!in.bad(), path, ": cannot be read: ", std::strerror(errno));
  check(!bytes.empty(), path, ": the file is empty");
  return bytes;
}

/// Blends onto white: JPEG has no alpha.
std::vector<std::uint8_t> flattened(const Image& image) {
  std::vector<std::uint8_t> rgb = image.rgb;
  for (std::size_t i = 0; i < image.alpha.size(); i++)
    for (std::size_t c = 0; c < 3; c++) {
      const int a = image.alpha[i], v = rgb[i * 3 + c];
      rgb[i * 3 + c] = static_cast<std::uint8_t>((v * a + 255 * (255 - a) + 127) / 255);
    }
  return rgb;
}

}  // namespace

void check_image_size(const std::string& path, std::int64_t width, std::int64_t height) {
  check(width > 0 && height > 0, path, ": the picture is ", width, "x", height, ": it has no pixels");
  check(width <= kLongestSide && height <= kLongestSide && width * height <= kMostPixels, path, ": the picture is ",
        width, "x", height, "; the limit is ", kLongestSide, " a side and ", kMostPixels >> 20, " megapixels");
}

Image read_image(const std::string& path) {
  const std::string bytes = read_whole(path);
  const bool jpeg = bytes.starts_with("\xff\xd8\xff");
  return jpeg ? decode_jpeg(path, bytes) : decode_stb(path, bytes);
}

void check_writable_extension(const std::string& path) {
  const std::string e = extension_of(path);
  check(!e.empty(), path, ": the name has no extension; pictures are written as .png or .jpg");
  check(e == ".png" || e == ".jpg" || e == ".jpeg", path, ": unknown extension '", e,
        "'; pictures are written as .png or .jpg");
}

bool has_image_extension(const std::string& path) {
  constexpr std::string_view known[] = {".png", ".jpg", ".jpeg", ".bmp", ".gif",
                                        ".tga", ".ppm", ".pgm",  ".pnm", ".psd"};
  return std::ranges::find(known, extension_of(path)) != std::end(known);
}

void write_image(const std::string& path, const Image& image) {
  check_writable_extension(path);
  write_file_atomically(path, extension_of(path) == ".png"
                                  ? encode_png(image)
                                  : encode_jpeg(image.width, image.height, flattened(image), 95));
}

}  // namespace sumi
