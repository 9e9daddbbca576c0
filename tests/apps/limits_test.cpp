// What a person's machine sets limits to: interrupts, memory, sizes of pictures.
#include <gtest/gtest.h>

#include <cmath>
#include <csignal>

#include "apps/image.h"
#include "apps/interrupt.h"
#include "apps/painter.h"
#include "apps/png_chunks.h"
#include "kernels/core/available_memory.h"
#include "tests/apps/program.h"
#include "tests/message_of.h"

namespace sumi::test {
namespace {

/// A PNG as far as its header goes: no checksum is right, no pixel is there.
std::string png_of_size(std::uint32_t width, std::uint32_t height) {
  std::string bytes(kPngSignature);
  bytes += std::string("\0\0\0\x0dIHDR", 8);
  for (const std::uint32_t side : {width, height})
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(side >> shift & 0xff));
  return bytes + std::string("\x08\x02\0\0\0", 5) + "sum!";
}

TEST(Interrupt, TheHandlerHasAStackOfItsOwn) {
  struct sigaction before {
  }, now{};
  sigaction(SIGINT, nullptr, &before);
  catch_interrupts();
  sigaction(SIGINT, nullptr, &now);
  stack_t stack{};
  sigaltstack(nullptr, &stack);
  sigaction(SIGINT, &before, nullptr);
  signal(SIGTERM, SIG_DFL);
  EXPECT_TRUE(now.sa_flags & SA_ONSTACK);
  EXPECT_EQ(stack.ss_flags & SS_DISABLE, 0);
  EXPECT_GE(stack.ss_size, static_cast<std::size_t>(SIGSTKSZ));
}

TEST(Memory, ThereIsSomeAndThisProcessHasSome) {
  EXPECT_GT(available_memory(), std::size_t{1} << 20);
  EXPECT_GT(resident_memory(), std::size_t{1} << 20);
  EXPECT_LT(resident_memory(), std::size_t{1} << 40);
}

TEST(Memory, AskingForMoreThanThereIsIsAnError) {
  MemoryPool pool;
  const std::string message = message_of([&] { pool.allocate(available_memory() + (std::size_t{64} << 20)); });
  EXPECT_NE(message.find("out of memory"), std::string::npos) << message;
  EXPECT_NE(message.find("MiB asked for"), std::string::npos) << message;
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(Memory, APhotoThatDoesNotFitIsRefusedWithASizeThatDoes) {
  const Image photo{1000, 500, {}, {}};
  const double all = static_cast<double>(available_memory()) / (1000 * 500);
  EXPECT_EQ(message_of([&] { check_memory("a.png", photo, all / 4); }), "");
  const std::string message = message_of([&] { check_memory("a.png", photo, all * 4); });
  EXPECT_NE(message.find("a.png: painting 1000x500"), std::string::npos) << message;
  const auto at = message.find("--size ");
  ASSERT_NE(at, std::string::npos) << message;
  EXPECT_NEAR(std::atoi(message.c_str() + at + 7), 1000 * std::sqrt(0.9 / 4), 30);
}

TEST(Sizes, AreCheckedFromTheHeaderAndNamed) {
  const TemporaryFolder f;
  write_bytes(f / "zero.png", png_of_size(0, 0));
  write_bytes(f / "huge.png", png_of_size(60000, 60000));
  EXPECT_NE(message_of([&] { read_image(f / "zero.png"); }).find("0x0: it has no pixels"), std::string::npos);
  EXPECT_NE(message_of([&] { read_image(f / "huge.png"); }).find("60000x60000; the limit is"), std::string::npos);
  write_bytes(f / "text.png", "words");
  const std::string reason = message_of([&] { read_image(f / "text.png"); });
  EXPECT_NE(reason.find("not of any known type"), std::string::npos) << reason;
}

TEST(Png, OrientationIsReadFromItsExifChunk) {
  const std::string tiff("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 22);
  const std::string chunk = std::string(
                                "\0\0\0\x16"
                                "eXIf",
                                8) +
                            tiff + "sum!";
  EXPECT_EQ(png_orientation(png_of_size(2, 2) + chunk), 6);
  EXPECT_EQ(png_orientation(png_of_size(2, 2)), 1);
  EXPECT_EQ(png_orientation(png_of_size(2, 2) + chunk.substr(0, 20)), 1);
}

}  // namespace
}  // namespace sumi::test
