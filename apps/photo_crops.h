// Random crops of a folder of photos: what a style network is trained on.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "apps/image.h"

namespace sumi {

struct CropOptions {
  int crop = 256;        // side of a crop
  int photo_side = 512;  // photos are kept shrunk to this short side (never enlarged beyond `crop`)
  std::uint64_t seed = 1;
};

/// Photos are decoded once, when first drawn, and kept shrunk, up to 1 GiB; past that they are decoded again. Which
/// photo, region, scale and flip stand in a batch depends on the seed and the step only.
class PhotoCrops {
 public:
  /// Throws Error when there is no file.
  PhotoCrops(std::vector<std::string> files, const CropOptions& options);

  /// N crops for step number `step`: bytes [N,crop,crop,3]. A crop is a square region, 1 to 1/0.65 times its side,
  /// shrunk, and flipped half of the time. A photo that cannot be read is dropped with a line on stderr; when none is
  /// left, throws Error.
  std::vector<std::uint8_t> batch(std::uint32_t step, int N);

  std::size_t photos() const { return files_.size(); }

 private:
  const Image* photo(std::size_t i);
  Image crop_of(const Image& photo, std::uint32_t step, std::uint64_t draw) const;

  std::vector<std::string> files_;
  CropOptions options_;
  std::vector<Image> kept_;
  std::vector<bool> broken_;
  Image passing_;  // the last one that was not kept
  std::size_t bytes_ = 0;
};

}  // namespace sumi
