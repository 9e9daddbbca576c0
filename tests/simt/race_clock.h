// Which of a block's accesses come before which. Every thread has its own time, which moves when it synchronises; a
// clock says, for every warp, up to which time its lanes' accesses are known to have happened.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace simt::race {

using Time = std::uint32_t;

class Clock {
 public:
  explicit Clock(unsigned threads) : threads_(threads) {}
  /// Are all accesses that `lanes` of `warp` made up to and including time `t` known?
  bool knows(unsigned warp, unsigned lanes, Time t) const;
  void learn(unsigned warp, unsigned lanes, Time t);
  void join(const Clock& other);

 private:
  struct Part {
    unsigned warp, lanes;
    Time until;
  };
  unsigned lanes_of(unsigned warp) const;

  unsigned threads_;
  std::array<Time, 32> whole_{};  // all lanes of a warp
  std::vector<Part> parts_;       // some lanes that are known further
};

/// The times and clocks of the threads of the running block or cluster. Times grow over blocks and launches.
class Ordering {
 public:
  void begin_launch() { launch_ = ++latest_; }
  void begin_block(unsigned threads);
  void block_barrier(unsigned first, unsigned threads);
  void warp_barrier(unsigned warp, unsigned lanes) { meet(warp * 32, 32, lanes); }
  void release(const void* object, unsigned thread);
  void acquire(const void* object, unsigned thread);

  Time now(unsigned thread) const { return threads_[thread].time; }
  bool in_launch(Time t) const { return t >= launch_; }
  bool in_block(Time t) const { return t >= block_; }
  /// Since the last barrier of all threads: what is older is known to all of them.
  bool is_recent(Time t) const { return t >= base_; }
  Time base() const { return base_; }
  /// Does thread `by` know what `lanes` of `warp` did at recent time `t`?
  bool known(Time t, unsigned warp, unsigned lanes, unsigned by) const {
    return threads_[by].clock && threads_[by].clock->knows(warp, lanes, t);
  }

 private:
  struct Thread {
    Time time = 0;
    std::shared_ptr<const Clock> clock;  // null: knows only what stood before the barrier
  };
  Clock clock_of(unsigned thread) const;
  void move_on(unsigned thread);
  void meet(unsigned first, unsigned threads, unsigned lanes);

  std::vector<Thread> threads_;
  std::map<const void*, Clock> objects_;
  Time latest_ = 0, launch_ = 0, block_ = 0, base_ = 0;
};

}  // namespace simt::race
