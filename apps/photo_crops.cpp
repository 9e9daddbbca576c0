#include "apps/photo_crops.h"

#include <algorithm>
#include <cstring>
#include <iostream>

#include "apps/resize.h"
#include "kernels/core/error.h"
#include "kernels/random/philox.h"

namespace sumi {
namespace {

constexpr std::size_t kKeptBytes = std::size_t{1} << 30;
constexpr std::uint32_t kStream = 0x70686f74;  // its own numbers, apart from the weights'
constexpr double kSmallestScale = 0.65;

int below(std::uint32_t word, int n) {
  return static_cast<int>(std::uint64_t{word} * static_cast<std::uint64_t>(n) >> 32);
}

Image region(const Image& image, int x, int y, int side) {
  Image out{
      side, side, std::vector<std::uint8_t>(static_cast<std::size_t>(side) * static_cast<std::size_t>(side) * 3), {}};
  for (int row = 0; row < side; row++) {
    const auto from =
        (static_cast<std::size_t>(y + row) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)) * 3;
    const auto bytes = static_cast<std::size_t>(side) * 3;
    std::memcpy(&out.rgb[static_cast<std::size_t>(row) * bytes], &image.rgb[from], bytes);
  }
  return out;
}

void flip(Image& image) {
  const auto w = static_cast<std::size_t>(image.width);
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); y++)
    for (std::size_t x = 0; x < w / 2; x++)
      for (std::size_t c = 0; c < 3; c++)
        std::swap(image.rgb[(y * w + x) * 3 + c], image.rgb[(y * w + w - 1 - x) * 3 + c]);
}

}  // namespace

PhotoCrops::PhotoCrops(std::vector<std::string> files, const CropOptions& options)
    : files_(std::move(files)), options_(options), kept_(files_.size()), broken_(files_.size()) {
  check(!files_.empty(), "there are no photos to train on");
}

const Image* PhotoCrops::photo(std::size_t i) {
  if (broken_[i]) return nullptr;
  if (kept_[i].width) return &kept_[i];
  try {
    passing_ = read_image(files_[i]);
  } catch (const Error& e) {
    std::cerr << "sumi: " << e.what() << "; going on without it\n";
    broken_[i] = true;
    return nullptr;
  }
  const int shortest = std::min(passing_.width, passing_.height);
  const int side = std::max(options_.crop, std::min(shortest, options_.photo_side));
  if (side != shortest) passing_ = resize_short_side(passing_, side);
  if (bytes_ + passing_.rgb.size() > kKeptBytes) return &passing_;
  bytes_ += passing_.rgb.size();
  kept_[i] = std::move(passing_);
  return &kept_[i];
}

Image PhotoCrops::crop_of(const Image& photo, std::uint32_t step, std::uint64_t draw) const {
  const PhiloxBlock r = philox_at(options_.seed, kStream + 1, step, draw);
  const double scale = kSmallestScale + (1 - kSmallestScale) * uniform_from(r[0]);
  const int side = std::min({static_cast<int>(options_.crop / scale), photo.width, photo.height});
  Image out = region(photo, below(r[1], photo.width - side + 1), below(r[2], photo.height - side + 1), side);
  out = resize(out, options_.crop, options_.crop);
  if (r[3] & 1) flip(out);
  return out;
}

std::vector<std::uint8_t> PhotoCrops::batch(std::uint32_t step, int N) {
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t n = 0; n < static_cast<std::uint64_t>(N); n++) {
    std::size_t i =
        static_cast<std::size_t>(below(philox_at(options_.seed, kStream, step, n)[0], static_cast<int>(files_.size())));
    const Image* from = photo(i);
    for (std::size_t tried = 1; !from; tried++) {
      check(tried < files_.size(), "none of the ", files_.size(), " photos can be read");
      i = (i + 1) % files_.size();
      from = photo(i);
    }
    const Image crop = crop_of(*from, step, n);
    bytes.insert(bytes.end(), crop.rgb.begin(), crop.rgb.end());
  }
  return bytes;
}

}  // namespace sumi
