#include "tests/simt/race_clock.h"

#include <algorithm>

namespace simt::race {

unsigned Clock::lanes_of(unsigned warp) const {
  const unsigned n = threads_ - warp * 32;
  return n >= 32 ? ~0u : (1u << n) - 1;
}

bool Clock::knows(unsigned warp, unsigned lanes, Time t) const {
  if (whole_[warp] >= t) return true;
  lanes &= lanes_of(warp);
  for (const Part& p : parts_)
    if (p.warp == warp && p.until >= t) lanes &= ~p.lanes;
  return lanes == 0;
}

void Clock::learn(unsigned warp, unsigned lanes, Time t) {
  if (whole_[warp] >= t) return;
  for (const Part& p : parts_)
    if (p.warp == warp && p.until == t) lanes |= p.lanes;
  const bool whole = (lanes & lanes_of(warp)) == lanes_of(warp);
  if (whole) whole_[warp] = t;
  std::erase_if(parts_, [&](const Part& p) { return p.warp == warp && p.until <= t && !(p.lanes & ~lanes); });
  if (!whole) parts_.push_back({warp, lanes, t});
}

void Clock::join(const Clock& other) {
  for (unsigned w = 0; w < 32; w++) {
    if (other.whole_[w] <= whole_[w]) continue;
    whole_[w] = other.whole_[w];
    std::erase_if(parts_, [&](const Part& p) { return p.warp == w && p.until <= whole_[w]; });
  }
  for (const Part& p : other.parts_) learn(p.warp, p.lanes, p.until);
}

void Ordering::begin_block(unsigned threads) {
  block_ = base_ = ++latest_;
  threads_.assign(threads, {.time = block_, .clock = nullptr});
  objects_.clear();
}

void Ordering::block_barrier(unsigned first, unsigned threads) {
  if (threads < threads_.size()) return meet(first, threads, ~0u);  // of one block of a cluster
  base_ = ++latest_;
  for (Thread& t : threads_) {
    t.time = base_;
    t.clock.reset();
  }
}

Clock Ordering::clock_of(unsigned thread) const {
  const auto& c = threads_[thread].clock;
  return c ? *c : Clock(static_cast<unsigned>(threads_.size()));
}

void Ordering::move_on(unsigned thread) { latest_ = std::max(latest_, ++threads_[thread].time); }

/// The lanes of every warp of these threads know what all of them have done.
void Ordering::meet(unsigned first, unsigned threads, unsigned lanes) {
  const auto met = [&](unsigned i) { return i < threads_.size() && (lanes >> (i % 32) & 1); };
  Clock all(static_cast<unsigned>(threads_.size()));
  Time last = 0;
  const Clock* joined = nullptr;
  for (unsigned i = first; i < first + threads; i++) {
    if (!met(i)) continue;
    const Thread& t = threads_[i];
    last = std::max(last, t.time);
    if (t.clock && t.clock.get() != joined) all.join(*t.clock);
    joined = t.clock.get();
  }
  // None of them has done anything later than its own time.
  for (unsigned w = first / 32; w * 32 < first + threads; w++) all.learn(w, lanes, last);
  const auto shared = std::make_shared<const Clock>(std::move(all));
  latest_ = std::max(latest_, last + 1);
  for (unsigned i = first; i < first + threads; i++)
    if (met(i)) threads_[i] = {last + 1, shared};
}

void Ordering::release(const void* object, unsigned thread) {
  const auto at = objects_.try_emplace(object, static_cast<unsigned>(threads_.size())).first;
  if (threads_[thread].clock) at->second.join(*threads_[thread].clock);
  at->second.learn(thread / 32, 1u << (thread % 32), threads_[thread].time);
  move_on(thread);
}

void Ordering::acquire(const void* object, unsigned thread) {
  const auto at = objects_.find(object);
  if (at == objects_.end()) return;
  Clock c = clock_of(thread);
  c.join(at->second);
  threads_[thread].clock = std::make_shared<const Clock>(std::move(c));
}

}  // namespace simt::race
