// What happens when the emulated GPU's memory is out.
#include <gtest/gtest.h>

#include "gan/generator.h"
#include "kernels/device/runtime.h"
#include "kernels/reduce/reduce.h"
#include "tensor/autograd.h"
#include "tensor/graph.h"
#include "tests/message_of.h"
#include "tests/simt/simt/machine.h"
#include "tests/simt/simt/memory.h"

namespace sumi::test {
namespace {

/// Leaves `bytes` of the emulated GPU free for the length of a scope.
class MemoryLimit {
 public:
  explicit MemoryLimit(std::size_t bytes) { simt::options().memory = simt::arena().in_use() + bytes; }
  ~MemoryLimit() { simt::options().memory = simt::Arena::kBytes; }
  MemoryLimit(const MemoryLimit&) = delete;
  MemoryLimit& operator=(const MemoryLimit&) = delete;
};

ContextPtr gpu() { return std::make_shared<Context>(ContextOptions{.device = DeviceKind::cuda}); }

TEST(GpuMemory, RunningOutNamesTheOpAndItsSizes) {
  const ContextPtr context = gpu();
  const Tensor x = Tensor::zeros(context, {1, 256, 256, 16}), w = Tensor::zeros(context, {16, 3, 3, 16});
  context->synchronize();
  const MemoryLimit limit(std::size_t{2} << 20);
  const std::string said = message_of<OutOfMemory>([&] { conv2d(x, w, {}, {.pad = Pad4::all(1)}); });
  EXPECT_EQ(said, "conv2d_forward [1,256,256,16] f32: GPU out of memory: 4 MiB asked for, 2 MiB of " +
                      size_text(simt::options().memory) + " free");
}

/// A row's own memory: the name comes from run().
TEST(GpuMemory, ScratchIsNamedByItsOp) {
  const ContextPtr context = gpu();
  const Tensor x = Tensor::zeros(context, {1 << 16}), y = Tensor::zeros(context, {1});
  context->synchronize();
  const MemoryLimit limit(0);
  const std::string said = message_of<OutOfMemory>([&] {
    run(Reduce{.dims = {1, 1, 1, 1, 1 << 16}, .axes = 0b11111, .x = x.ref(), .y = y.ref()}, *context);
  });
  EXPECT_EQ(said.find("reduce "), 0u) << said;
  EXPECT_NE(said.find(": GPU out of memory: 1 KiB asked for, 0 KiB of "), std::string::npos) << said;
}

/// A graph needs room of its own beside what its first run left to the pool; without it, work is done step by step.
TEST(GpuMemory, WithoutRoomForAGraphWorkGoesOn) {
  const ContextPtr context = gpu();
  const Tensor x = Tensor::full(context, {1 << 18}, 2), held = Tensor::zeros(context, {1 << 18});
  context->synchronize();
  const MemoryLimit limit(std::size_t{5} << 19);  // 2.5 MiB: room for two tensors, not for a third
  Tensor y;
  Graph graph(context, [&] {
    y = {};
    y = square(x);
  });
  for (int i = 0; i < 5; i++) {
    graph();
    EXPECT_EQ(y.to_vector()[5], 4.f);
    context->synchronize();
  }
  EXPECT_TRUE(graph.launched());
  Tensor z;
  Graph wide(context, [&] {
    z = {};
    z = y + x;
  });
  wide();
  context->synchronize();
  wide();
  EXPECT_FALSE(wide.launched());
  EXPECT_EQ(z.to_vector()[5], 6.f);
}

TEST(GpuMemory, AGraphGivesBackWhatItHad) {
  const ContextPtr context = gpu();
  const Tensor x = Tensor::full(context, {1000}, 2);
  context->synchronize();
  const std::size_t before = simt::arena().in_use();
  for (int i = 0; i < 2; i++) {
    Tensor y;
    Graph graph(context, [&] { y = square(x) + x; });
    for (int call = 0; call < 3; call++) graph();
    EXPECT_EQ(y.to_vector()[0], 6.f);
  }
  context->synchronize();
  EXPECT_EQ(simt::arena().in_use(), before);
}

}  // namespace
}  // namespace sumi::test
