// Resizing against Pillow's own output.
#include "apps/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <span>

#include "kernels/core/error.h"

namespace sumi::test {
namespace {

constexpr int kLanczos = 1;

struct Golden {
  Image from, to;
  ResizeFilter filter;
};

Image read_pixels(std::istream& in, int width, int height, int channels) {
  const auto n = static_cast<std::size_t>(width * height), c = static_cast<std::size_t>(channels);
  std::vector<std::uint8_t> bytes(n * c);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  Image image{width, height, std::vector<std::uint8_t>(n * 3), {}};
  if (c == 4) image.alpha.resize(n);
  for (std::size_t i = 0; i < n; i++) {
    for (std::size_t k = 0; k < 3; k++) image.rgb[i * 3 + k] = bytes[i * c + k];
    if (c == 4) image.alpha[i] = bytes[i * c + 3];
  }
  return image;
}

std::vector<Golden> read_golden() {
  std::ifstream in(SUMI_SOURCE_DIR "/tests/golden/resize.bin", std::ios::binary);
  std::vector<Golden> cases;
  std::array<std::int32_t, 6> h;
  while (in.read(reinterpret_cast<char*>(h.data()), sizeof h)) {
    Image from = read_pixels(in, h[0], h[1], h[2]), to = read_pixels(in, h[3], h[4], h[2]);
    cases.push_back({std::move(from), std::move(to), h[5] == kLanczos ? ResizeFilter::lanczos : ResizeFilter::bicubic});
  }
  return cases;
}

int largest_difference(std::span<const std::uint8_t> a, std::span<const std::uint8_t> b) {
  int worst = a.size() == b.size() ? 0 : 255;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); i++) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

TEST(Resize, EqualsPillow) {
  const auto cases = read_golden();
  ASSERT_EQ(cases.size(), 18u);
  for (const Golden& g : cases) {
    const Image mine = resize(g.from, g.to.width, g.to.height, g.filter);
    const auto what = concat(g.from.width, "x", g.from.height, " to ", g.to.width, "x", g.to.height);
    EXPECT_LE(largest_difference(mine.rgb, g.to.rgb), 1) << what;
    EXPECT_LE(largest_difference(mine.alpha, g.to.alpha), 1) << what;
  }
}

TEST(Resize, SidesKeepTheRatio) {
  const Image wide{200, 100, std::vector<std::uint8_t>(200 * 100 * 3, 9), {}};
  const Image a = resize_long_side(wide, 50), b = resize_short_side(wide, 50);
  EXPECT_EQ(a.width, 50);
  EXPECT_EQ(a.height, 25);
  EXPECT_EQ(b.width, 100);
  EXPECT_EQ(b.height, 50);
  const Image line{1000, 1, std::vector<std::uint8_t>(3000, 9), {}};
  EXPECT_EQ(resize_long_side(line, 10).height, 1);
}

}  // namespace
}  // namespace sumi::test
