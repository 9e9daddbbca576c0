#include "tests/simt/simt/machine.h"

#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <span>
#include <string_view>

#include "kernels/core/error.h"
#include "tests/simt/simt/fiber.h"

namespace simt {
namespace {

enum class State : std::uint8_t { fresh, ready, at_barrier, at_cluster_barrier, at_collective, waiting, done };

struct Thread {
  uint3 index{};
  unsigned number = 0, rank = 0;  // of its block in the cluster
  State state = State::fresh;
  Fiber* fiber = nullptr;
  Site site;
  int predicate = 0;
  bool (*ready)(const void*) = nullptr;
  const void* argument = nullptr;
};

struct Warp {
  unsigned alive = 0;
  std::vector<Collective> open;
};

/// The dynamic shared memory of the blocks that run, and behind each a stretch that nothing may touch.
struct DynamicShared {
  static constexpr std::size_t kBytes = kClusterBlocks * kDynamicCapacity;
  static_assert(kDynamicCapacity % 1024 == 0);
  char* data = static_cast<char*>(std::aligned_alloc(1024, kBytes));
  void resize(std::size_t n, unsigned blocks) {
    ASAN_POISON_MEMORY_REGION(data, kBytes);
    for (unsigned r = 0; r < blocks; r++) ASAN_UNPOISON_MEMORY_REGION(data + r * kDynamicCapacity, n);
  }
};

/// What the threads of a block share.
struct Block {
  uint3 index{};
  unsigned live = 0;
  int barrier_result = 0;
  std::vector<SharedVariable> shared;
};

/// One cluster at a time runs here; most are of one block.
class Machine {
 public:
  void run(const void* kernel, const Grid& g, const std::function<void()>& body);
  void complete(Warp& w, std::size_t i, unsigned first);
  void end_thread();
  [[noreturn]] void run_threads();
  void yield() { current->fiber->switch_to(scheduler_); }

  Thread* current = nullptr;
  std::string failure;
  DynamicShared dynamic;
  std::vector<Block> blocks;
  std::vector<SharedVariable> shared;  // of all blocks
  std::vector<Hook> thread_end, block_begin;

  unsigned rank() const { return current ? current->rank : 0; }
  unsigned first_of(unsigned rank) const { return rank * threads_per_block_; }
  Warp& warp_of(const Thread& t) { return warps_[t.number / 32]; }
  Thread& thread(unsigned number) { return threads_[number]; }
  Fiber& scheduler() { return scheduler_; }

 private:
  void begin_launch(const void* kernel, const Grid& g);
  void begin_blocks(unsigned first);
  void run_blocks();
  bool run_block(unsigned rank);
  bool run_warp(unsigned w);
  bool may_run(Thread& t) const;
  bool release(State barrier, unsigned first, unsigned count);
  void report_deadlock();
  std::vector<unsigned> permutation(std::size_t n);
  Fiber* take_fiber();

  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> free_fibers_;
  Fiber scheduler_;
  const std::function<void()>* body_ = nullptr;
  std::mt19937_64 rng_;
  std::vector<unsigned> lanes_;  // of the running warp, in this pass's order
  std::size_t lane_ = 0;         // where in lanes_
  unsigned threads_per_block_ = 0;
};

Machine& machine() {
  static Machine m;
  return m;
}

std::string text_of(const uint3& v) {
  return std::to_string(v.x) + ',' + std::to_string(v.y) + ',' + std::to_string(v.z);
}

std::vector<unsigned> Machine::permutation(std::size_t n) {
  std::vector<unsigned> order(n);
  std::iota(order.begin(), order.end(), 0u);
  if (options().order == Order::reverse) std::ranges::reverse(order);
  if (options().order == Order::random) std::ranges::shuffle(order, rng_);
  return order;
}

Fiber* Machine::take_fiber() {
  if (free_fibers_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>([] { machine().run_threads(); }));
    return fibers_.back().get();
  }
  Fiber* f = free_fibers_.back();
  free_fibers_.pop_back();
  return f;
}

/// A fiber's whole life. A thread that met no barrier is followed by the next lane without a switch.
void Machine::run_threads() {
  Fiber::entered(scheduler_);
  for (;;) {
    (*body_)();
    end_thread();
    Fiber* f = current->fiber;
    if (lane_ + 1 < lanes_.size() && threads_[lanes_[lane_ + 1]].state == State::fresh) {
      current = &threads_[lanes_[++lane_]];
      current->fiber = f;
      current->state = State::ready;
      threadIdx = current->index;
      continue;
    }
    free_fibers_.push_back(f);
    f->switch_to(scheduler_);
  }
}

void Machine::end_thread() {
  Thread& t = *current;
  blocks[t.rank].live--;
  for (const Hook h : thread_end) h();
  Warp& w = warp_of(t);
  t.state = State::done;
  w.alive &= ~(1u << (t.number % 32));
  // Threads that have ended count as arrived.
  for (std::size_t i = w.open.size(); i-- > 0;)
    if ((w.open[i].arrived & w.alive) == (w.open[i].mask & w.alive)) complete(w, i, t.number / 32 * 32);
}

void Machine::complete(Warp& w, std::size_t i, unsigned first) {
  Collective c = w.open[i];
  w.open.erase(w.open.begin() + static_cast<std::ptrdiff_t>(i));
  c.run(c);
  for (unsigned l = 0; l < 32; l++)
    if (c.arrived >> l & 1) threads_[first + l].state = State::ready;
  if (c.orders_memory && observer()) observer()->warp_barrier(first / 32, c.arrived);
}

bool Machine::may_run(Thread& t) const {
  if (t.state == State::waiting && t.ready(t.argument)) t.state = State::ready;
  return t.state == State::fresh || t.state == State::ready;
}

/// Runs each lane until it waits for something; true when any could run.
bool Machine::run_warp(unsigned w) {
  const auto n = static_cast<unsigned>(std::min<std::size_t>(32, threads_.size() - w * 32));
  lanes_ = permutation(n);
  for (unsigned& l : lanes_) l += w * 32;
  blockIdx = blocks[threads_[w * 32].rank].index;
  bool progress = false;
  for (lane_ = 0; lane_ < lanes_.size(); lane_++) {
    Thread& t = threads_[lanes_[lane_]];
    if (!may_run(t)) continue;
    progress = true;
    if (!t.fiber) t.fiber = take_fiber();
    current = &t;
    threadIdx = t.index;
    t.state = State::ready;
    scheduler_.switch_to(*t.fiber);
    if (!failure.empty()) return true;
  }
  return progress;
}

/// The cluster whose first block is number `first` of the grid.
void Machine::begin_blocks(unsigned first) {
  for (Warp& w : warps_) w = {};
  for (unsigned i = 0; i < threads_.size(); i++) {
    const unsigned rank = i / threads_per_block_, t = i % threads_per_block_;
    threads_[i] = {.index = {t % blockDim.x, t / blockDim.x % blockDim.y, t / (blockDim.x * blockDim.y)},
                   .number = i,
                   .rank = rank};
    warps_[i / 32].alive |= 1u << (i % 32);
  }
  for (Block& b : blocks) {
    b.index = {first % gridDim.x, first / gridDim.x % gridDim.y, first / (gridDim.x * gridDim.y)};
    b.live = threads_per_block_;
    first++;
  }
  blockIdx = blocks[0].index;
  for (const SharedVariable& v : shared) fill_unseen(v.data, v.bytes, options().poison);
  for (const Hook h : block_begin) h();
  if (observer()) observer()->block_begins();
}

/// Each block in its turn as far ahead of the others as it can get.
void Machine::run_blocks() {
  const auto lives = [](const Block& b) { return b.live > 0; };
  while (std::ranges::any_of(blocks, lives)) {
    bool progress = false;
    for (const unsigned rank : permutation(blocks.size())) {
      progress |= run_block(rank);
      if (!failure.empty()) return;
    }
    if (!progress && !release(State::at_cluster_barrier, 0, static_cast<unsigned>(threads_.size())))
      return report_deadlock();
  }
}

/// True when any thread could run.
bool Machine::run_block(unsigned rank) {
  bool any = false;
  const unsigned warps = static_cast<unsigned>(warps_.size() / blocks.size());
  while (blocks[rank].live > 0) {
    bool progress = false;
    for (const unsigned w : permutation(warps)) {
      while (run_warp(rank * warps + w)) {  // as far ahead of the other warps as it can get
        progress = true;
        if (!failure.empty()) return true;
        if (options().order == Order::random && rng_() % 4 == 0) break;
      }
    }
    if (!progress && !release(State::at_barrier, first_of(rank), threads_per_block_)) break;
    any = true;
    if (blocks.size() > 1 && options().order == Order::random && rng_() % 4 == 0) break;
  }
  return any;
}

/// Lets threads pass when all of these that are left stand at one and the same barrier.
bool Machine::release(State barrier, unsigned begin, unsigned count) {
  const Thread* first = nullptr;
  const std::span<Thread> threads(&threads_[begin], count);
  int result = 0;
  for (const Thread& t : threads) {
    if (t.state == State::done) continue;
    if (t.state != barrier || (first && !(t.site == first->site))) return false;
    first = &t;
    result += t.predicate != 0;
  }
  for (Thread& t : threads)
    if (t.state == barrier) t.state = State::ready;
  blocks[threads[0].rank].barrier_result = result;
  if (observer()) observer()->block_barrier(begin, count);
  return true;
}

void Machine::report_deadlock() {
  std::string text = "deadlock or divergent barrier in block " + text_of(blocks[0].index) + ":";
  unsigned waiting = 0;
  for (const Thread& t : threads_) {
    if (t.state == State::done) continue;
    if (++waiting > 4) continue;
    text += "\n  thread " + text_of(t.index) + " waits at " + simt::text_of(t.site);
    if (t.rank > 0) text += " (block " + text_of(blocks[t.rank].index) + ')';
  }
  failure = text + "\n  " + std::to_string(waiting) + " of " + std::to_string(threads_.size()) + " threads wait";
}

void Machine::begin_launch(const void* kernel, const Grid& g) {
  threads_per_block_ = g.block.x * g.block.y * g.block.z;
  threads_.resize(std::size_t{threads_per_block_} * g.cluster);
  warps_.resize((threads_.size() + 31) / 32);
  dynamic.resize(g.smem, g.cluster);
  blocks.assign(g.cluster, {.shared = shared_variables(kernel)});
  shared = blocks[0].shared;
  for (unsigned r = 0; r < g.cluster; r++) {
    shared.push_back({dynamic.data + r * kDynamicCapacity, g.smem, "dynamic shared memory"});
    blocks[r].shared.push_back(shared.back());
  }
  rng_.seed(options().seed);
  failure.clear();
  blockDim = g.block;
  gridDim = g.grid;
}

void Machine::run(const void* kernel, const Grid& g, const std::function<void()>& body) {
  body_ = &body;
  begin_launch(kernel, g);
  if (observer()) observer()->launch_begins(kernel_name(kernel));
  for (const unsigned c : permutation(std::size_t{g.grid.x} * g.grid.y * g.grid.z / g.cluster)) {
    begin_blocks(c * g.cluster);
    run_blocks();
    current = nullptr;
    if (!failure.empty()) break;
  }
  if (observer()) observer()->launch_ends();
  if (failure.empty()) return;
  fibers_.clear();  // what stands on their stacks is never unwound
  free_fibers_.clear();
  throw Error(std::string(kernel_name(kernel)) + ": " + failure);
}

}  // namespace

Options& options() {
  static Options only = [] {
    Options o;
    if (const char* order = std::getenv("SIMT_ORDER"))
      o.order = std::string_view(order) == "random"    ? Order::random
                : std::string_view(order) == "reverse" ? Order::reverse
                                                       : Order::forward;
    if (const char* mib = std::getenv("SIMT_MEMORY_MIB")) o.memory = std::strtoul(mib, nullptr, 10) << 20;
    return o;
  }();
  return only;
}

Observer*& observer() {
  static Observer* o = nullptr;
  return o;
}

std::string text_of(const Site& s) {
  return std::string(s.file) + ':' + std::to_string(s.line) + ':' + std::to_string(s.column);
}

bool ignored(const Site& s) {
  if (observer()) observer()->count("synchronisation", s, 1);
  const Site& i = options().ignored;
  return *i.file && s == i;
}

void note_access(const void* p, std::size_t bytes, Observer::Access kind, const void* pc, int thread) {
  Machine& m = machine();
  if (observer() && m.current)
    observer()->access(p, bytes, kind, thread < 0 ? m.current->number : static_cast<unsigned>(thread), pc);
}

bool in_kernel() { return machine().current != nullptr; }
const std::vector<SharedVariable>& current_shared() { return machine().blocks[machine().rank()].shared; }
const std::vector<SharedVariable>& launch_shared() { return machine().shared; }
unsigned current_thread() { return machine().current->number; }
unsigned thread_in_block() { return machine().current->number - machine().first_of(machine().rank()); }
unsigned cluster_blocks() { return static_cast<unsigned>(machine().blocks.size()); }
unsigned cluster_rank() { return machine().rank(); }
bool block_lives(unsigned rank) { return machine().blocks[rank].live > 0; }
char* dynamic_shared() { return dynamic_shared(machine().rank()); }
char* dynamic_shared(unsigned rank) { return machine().dynamic.data + rank * kDynamicCapacity; }
void at_thread_end(Hook h) { machine().thread_end.push_back(h); }
void at_block_begin(Hook h) { machine().block_begin.push_back(h); }

void fail(const std::string& why) {
  Machine& m = machine();
  m.failure = why + " [block " + text_of(blockIdx) + ", thread " + text_of(m.current->index) + "]";
  for (;;) m.yield();
}

int block_barrier(const Site& s, int predicate) {
  if (ignored(s)) return predicate != 0;
  Machine& m = machine();
  Thread& t = *m.current;
  t.state = State::at_barrier;
  t.site = s;
  t.predicate = predicate;
  m.yield();
  return m.blocks[t.rank].barrier_result;
}

void cluster_barrier(const Site& s) {
  if (ignored(s)) return;
  Machine& m = machine();
  m.current->state = State::at_cluster_barrier;
  m.current->site = s;
  m.yield();
}

void wait_until(bool (*ready)(const void*), const void* argument, const Site& s) {
  if (ready(argument)) return;
  Machine& m = machine();
  Thread& t = *m.current;
  t.state = State::waiting;
  t.site = s;
  t.ready = ready;
  t.argument = argument;
  m.yield();
}

void join_collective(unsigned mask, const Site& s, bool orders_memory, const void* in, void* out,
                     void (*run)(Collective&)) {
  Machine& m = machine();
  Thread& t = *m.current;
  Warp& w = m.warp_of(t);
  const unsigned lane = t.number % 32;
  if (!(mask >> lane & 1)) fail("the calling lane is not in the mask of the warp intrinsic at " + text_of(s));
  auto c = std::ranges::find_if(w.open, [&](const Collective& o) { return o.mask == mask && o.site == s; });
  if (c == w.open.end())
    c = w.open.insert(w.open.end(), {.mask = mask, .site = s, .orders_memory = orders_memory, .run = run});
  c->in[lane] = in;
  c->out[lane] = out;
  c->arrived |= 1u << lane;
  if ((c->arrived & w.alive) == (mask & w.alive)) {
    m.complete(w, static_cast<std::size_t>(c - w.open.begin()), t.number - lane);
    return;
  }
  t.state = State::at_collective;
  t.site = s;
  m.yield();
}

void fill_unseen(void* p, std::size_t bytes, unsigned char value) {
  asm volatile("rep stosb" : "+D"(p), "+c"(bytes) : "a"(value) : "memory");
}

void copy_unseen(void* dst, const void* src, std::size_t bytes) {
  asm volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(bytes) : : "memory");
}

void check_cluster(const void* kernel, const Grid& g) {
  const unsigned threads = g.block.x * g.block.y * g.block.z;
  sumi::check(options().compute_capability >= 90, "cuda: clusters want sm_90");
  sumi::check(g.cluster >= 1 && g.cluster <= kClusterBlocks, "cuda: expected clusters of 1 or 2 blocks, got ",
              g.cluster);
  sumi::check(g.grid.x % g.cluster == 0, "cuda: a grid of ", g.grid.x, " blocks is no multiple of its clusters");
  sumi::check(threads % 32 == 0 && threads * g.cluster <= 1024, "cuda: clusters of ", threads,
              " threads a block are not emulated: whole warps, at most 1024 threads in all");
  sumi::check(shared_variables(kernel).empty(), "cuda: ", kernel_name(kernel),
              ": static shared variables in a cluster are not emulated, take dynamic shared memory");
}

void run_grid(const void* kernel, const Grid& g, const std::function<void()>& body) { machine().run(kernel, g, body); }

}  // namespace simt
