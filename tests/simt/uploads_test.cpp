// Copies to the emulated GPU, which reads pinned memory only when its stream comes to it.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "kernels/core/uploads.h"
#include "kernels/device/runtime.h"
#include "tests/simt/device_vector.h"

namespace sumi::test {
namespace {

/// More pieces than there is pinned memory for, and the source is overwritten at once.
TEST(Uploads, AreWholeThoughTheSourceChanges) {
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  for (const std::size_t count : {0ul, 1ul, (1ul << 18) - 1, (1ul << 18) + 1, 7ul << 18}) {
    std::vector<float> values(count);
    std::iota(values.begin(), values.end(), 1.f);
    const std::vector<float> want = values;
    const DeviceVector<float> there(ctx, values);
    std::ranges::fill(values, 0.f);
    EXPECT_EQ(there.host(), want) << count;
  }
}

TEST(Uploads, FollowTheOrderOfTheStream) {
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  const std::vector<int> first(100, 1), second(100, 2);
  const Scratch memory = ctx.scratch(400);
  ctx.upload(memory.as<void>(), first.data(), 400);
  const Scratch copied = ctx.scratch(400);
  device::copy(copied.as<void>(), memory.as<void>(), 400, ctx.stream());
  ctx.upload(memory.as<void>(), second.data(), 400);
  std::vector<int> got(100);
  device::copy_to_host(got.data(), copied.as<void>(), 400, ctx.stream());
  EXPECT_EQ(got, first);
}

/// Pinned memory that goes away before its copies are done would be read all the same. Here a GPU's memory is the
/// host's, and nothing is done before somebody waits for it.
TEST(Uploads, OutliveTheirCopies) {
  Context ctx(ContextOptions{.device = DeviceKind::cuda});
  const std::vector<int> source(100, 7);
  const Scratch memory = ctx.scratch(400);
  std::make_unique<Uploads>(ctx.stream())->copy(memory.as<void>(), source.data(), 400);
  const std::vector<int> there(memory.as<int>(), memory.as<int>() + 100);
  EXPECT_EQ(there, source);
}

}  // namespace
}  // namespace sumi::test
