// What the emulation of Hopper's asynchronous instructions remembers of the running block.
#pragma once
#include <deque>
#include <map>

#include "kernels/device/wgmma.h"
#include "tests/simt/tensor_box.h"

namespace simt {

/// A copy by the tensor copy engine that has not happened: a box and its place in dynamic shared memory.
struct TensorCopy {
  TensorBox box;
  std::size_t at;
  const void* pc;
  int group = 0;
};

struct BarrierState {
  unsigned count = 0, pending = 0;  // arrivals of a phase, and those missing
  unsigned phase = 0;
  std::size_t expected = 0, in_flight = 0;  // bytes announced and on their way in this phase
  std::vector<TensorCopy> loads;
  unsigned owner = 0;
  bool fenced = false;  // the owner's fence_barriers() has come
  bool over() const { return pending == 0 && expected == in_flight; }
};

struct NamedBarrier {
  unsigned threads = 0, arrived = 0, passed = 0;
};

struct StoreQueue {
  std::vector<TensorCopy> stores;
  int groups = 0;
};

/// A thread's sums while products work on them.
struct Sums {
  std::vector<float> values;
  int pending = 0;
};

struct Product {
  std::uint64_t a = 0, b = 0;
  bool add = false;
  ProductShape shape{};
  Site site;
  const void* pc = nullptr;
  float* d[128] = {};
  int group[4] = {};
  unsigned issued = 0, done = 0;  // warps
  bool computed = false;
};

struct Warpgroup {
  std::deque<Product> queue;
  std::size_t first = 0;  // number of queue.front()
  std::size_t issued[4] = {}, landed[4] = {};
  int groups[4] = {};  // closed
  bool fenced[4] = {};
  std::map<float*, Sums> sums;
};

/// A block's dynamic shared memory as the asynchronous proxy sees it, in chunks of 16 bytes.
class AsyncView {
 public:
  explicit AsyncView(unsigned rank);
  /// Where `p` stands; fails unless `bytes` from there on lie in dynamic shared memory.
  static std::size_t place_of(const void* p, std::size_t bytes, const char* what);
  void fence();
  void launch(std::size_t at, std::size_t bytes);
  void land(std::size_t at, const char (&chunk)[16]);
  /// The chunk at `at`, for a store or a product.
  const char* read(std::size_t at, const char* what) const;

 private:
  char* data_;
  std::vector<char> seen_;
  std::vector<bool> in_flight_;
};

struct HopperBlock {
  explicit HopperBlock(unsigned rank) : memory(rank) {}
  AsyncView memory;
  std::map<const void*, BarrierState> barriers;
  std::map<unsigned, NamedBarrier> named;
  std::map<unsigned, StoreQueue> stores;  // by thread
  std::map<unsigned, Warpgroup> warpgroups;
};
/// Of the cluster's block `rank`, or of the running one.
HopperBlock& hopper_block(unsigned rank);
inline HopperBlock& hopper_block() { return hopper_block(cluster_rank()); }

void release(const void* object);
void acquire(const void* object);

}  // namespace simt
