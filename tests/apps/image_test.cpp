// Pictures in and out of files.
#include "apps/image.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "apps/codecs.h"
#include "tests/apps/program.h"
#include "tests/message_of.h"

namespace sumi::test {
namespace {

std::string refusal(const std::string& path) {
  return message_of([&] { read_image(path); });
}

/// 24-bit BMP, bottom up, with the given header size.
std::string bmp(std::int32_t width, std::int32_t height, const std::string& pixels) {
  const auto word = [](std::int64_t v, int bytes) {
    std::string s;
    for (int i = 0; i < bytes; i++) s += static_cast<char>(i < 8 ? v >> (8 * i) & 255 : 0);
    return s;
  };
  return "BM" + word(54 + static_cast<std::int64_t>(pixels.size()), 4) + word(0, 4) + word(54, 4) + word(40, 4) +
         word(width, 4) + word(height, 4) + word(1, 2) + word(24, 2) + word(0, 24) + pixels;
}

TEST(Image, PngKeepsEveryPixelAndAlpha) {
  const TemporaryFolder folder;
  for (const bool alpha : {false, true}) {
    const Image image = test_picture(31, 17, alpha);
    write_image(folder / "a.png", image);
    const Image back = read_image(folder / "a.png");
    EXPECT_EQ(back.width, 31);
    EXPECT_EQ(back.height, 17);
    EXPECT_EQ(back.rgb, image.rgb);
    EXPECT_EQ(back.alpha, image.alpha);
  }
}

TEST(Image, JpegFlattensAlphaOnWhite) {
  const TemporaryFolder folder;
  Image image{16, 16, std::vector<std::uint8_t>(16 * 16 * 3, 0), std::vector<std::uint8_t>(16 * 16, 0)};
  write_image(folder / "a.jpg", image);
  const Image back = read_image(folder / "a.jpg");
  EXPECT_TRUE(back.alpha.empty());
  EXPECT_GE(*std::ranges::min_element(back.rgb), 253);
}

TEST(Image, GreyJpegBecomesRgb) {
  // A flat JPEG survives its own quantisation.
  const std::string grey = encode_jpeg(8, 8, std::vector<std::uint8_t>(8 * 8 * 3, 90), 95);
  const Image image = decode_jpeg("grey", grey);
  for (const auto v : image.rgb) EXPECT_NEAR(v, 90, 1);
}

TEST(Image, OrientationsTurnUpright) {
  // 2x1: the left pixel is 1, the right one 2.
  const Image row{2, 1, {1, 1, 1, 2, 2, 2}, {}};
  const auto first = [&](int o) { return static_cast<int>(upright(row, o).rgb[0]); };
  EXPECT_EQ(first(1), 1);
  EXPECT_EQ(first(2), 2);  // mirrored
  EXPECT_EQ(first(3), 2);  // upside down
  EXPECT_EQ(first(4), 1);  // flipped
  for (const int o : {5, 6, 7, 8}) {
    EXPECT_EQ(upright(row, o).width, 1);
    EXPECT_EQ(upright(row, o).height, 2);
  }
  EXPECT_EQ(first(5), 1);
  EXPECT_EQ(first(6), 1);  // turned right: what was left is on top
  EXPECT_EQ(first(7), 2);
  EXPECT_EQ(first(8), 2);  // turned left: what was right is on top
}

TEST(Image, ExifOrientationIsReadInBothByteOrders) {
  const std::string little("Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 28);
  const std::string big("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x08\0\0", 28);
  EXPECT_EQ(exif_orientation(little), 6);
  EXPECT_EQ(exif_orientation(big), 8);
  for (std::size_t n = 0; n < little.size() - 2; n++) EXPECT_EQ(exif_orientation(little.substr(0, n)) > 0, true);
  EXPECT_EQ(exif_orientation("Exif"), 1);
  EXPECT_EQ(exif_orientation(""), 1);
}

TEST(Image, DamagedFilesAreErrors) {
  const TemporaryFolder folder;
  write_image(folder / "a.png", test_picture(40, 40));
  write_image(folder / "a.jpg", test_picture(40, 40));
  for (const std::string name : {"a.png", "a.jpg"}) {
    const std::string whole = contents_of(folder / name);
    write_bytes(folder / name, whole.substr(0, whole.size() / 2));
    EXPECT_NE(refusal(folder / name).find("damaged"), std::string::npos) << refusal(folder / name);
  }
  write_bytes(folder / "a.bmp", bmp(40, 40, "only a few pixels"));
  EXPECT_NE(refusal(folder / "a.bmp").find("ends too early"), std::string::npos) << refusal(folder / "a.bmp");
  write_bytes(folder / "text.png", "this is a letter, not a picture");
  EXPECT_NE(refusal(folder / "text.png").find("not a picture"), std::string::npos);
  write_bytes(folder / "empty.png", "");
  EXPECT_NE(refusal(folder / "empty.png").find("empty"), std::string::npos);
}

TEST(Image, ZeroAndHugeSizesAreRefusedFromTheHeader) {
  const TemporaryFolder folder;
  write_bytes(folder / "huge.bmp", bmp(60000, 60000, ""));
  EXPECT_NE(refusal(folder / "huge.bmp").find("60000x60000; the limit is 16384 a side and 64 megapixels"),
            std::string::npos)
      << refusal(folder / "huge.bmp");
  write_bytes(folder / "none.bmp", bmp(0, 0, ""));
  EXPECT_FALSE(refusal(folder / "none.bmp").empty());
  EXPECT_THROW(check_image_size("a", 16385, 1), Error);
  EXPECT_THROW(check_image_size("a", 16384, 16384), Error);
  EXPECT_NO_THROW(check_image_size("a", 8192, 8192));
}

TEST(Image, UnknownExtensionIsRefused) {
  EXPECT_THROW(check_writable_extension("a.webp"), Error);
  EXPECT_THROW(check_writable_extension("a"), Error);
  EXPECT_NO_THROW(check_writable_extension("a.JPG"));
}

}  // namespace
}  // namespace sumi::test
