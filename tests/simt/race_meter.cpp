#include "tests/simt/race_meter.h"

#include <algorithm>
#include <set>

#include "tests/simt/race_checker.h"

namespace simt::race {
namespace {

void remove_all(std::string& text, std::string_view part) {
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part)) text.erase(at, part.size());
}

void watch_current_kernel() {
  Watched& w = watched();
  std::uintptr_t low = ~std::uintptr_t{0}, high = 0;
  for (const SharedVariable& v : current_shared()) {
    if (v.data == dynamic_shared()) continue;
    low = std::min(low, reinterpret_cast<std::uintptr_t>(v.data));
    high = std::max(high, reinterpret_cast<std::uintptr_t>(v.data) + v.bytes);
  }
  w.statics = low;
  w.statics_bytes = high > low ? high - low : 0;
}

}  // namespace

std::string short_name(std::string kernel) {
  remove_all(kernel, "(anonymous namespace)::");
  remove_all(kernel, "sumi::cuda::");
  remove_all(kernel, "void ");
  int depth = 0;
  for (std::size_t i = 0; i < kernel.size(); i++) {
    depth += (kernel[i] == '<') - (kernel[i] == '>');
    if (kernel[i] == '(' && depth == 0) return kernel.substr(0, i);
  }
  return kernel;
}

Meter::Meter() {
  watched().arena = reinterpret_cast<std::uintptr_t>(arena().base());
  watched().dynamic = reinterpret_cast<std::uintptr_t>(dynamic_shared());
}

void Meter::launch_begins(const char* kernel) {
  running_ = &kernels_[short_name(kernel)];
  running_->launches++;
  running_->threads = blockDim.x * blockDim.y * blockDim.z;
  running_->shared_bytes = 0;
  for (const SharedVariable& v : current_shared()) running_->shared_bytes += v.bytes;
  watch_current_kernel();
}

void Meter::block_begins() {
  flush();
  running_->blocks++;
}

void Meter::access(const void* p, std::size_t bytes, Access kind, unsigned thread, const void* pc) {
  if (kind == Access::landed || !running_) return;
  const std::uint32_t at = program_counter(pc);
  Traffic& t = running_->traffic[at * 2 + (arena().contains(p) ? 0 : 1)];
  t.shared = !arena().contains(p);
  t.what = kind == Access::read ? "load" : kind == Access::write ? "store" : kind == Access::atomic ? "atomic" : "copy";
  t.width = std::max(t.width, bytes);
  const std::uint64_t key = std::uint64_t{at} << 8 | (t.shared ? 1u : 0u) << 5 | thread / 32;
  pending_[key][thread % 32].push_back({reinterpret_cast<std::uintptr_t>(p), bytes});
}

void Meter::count(const char* what, const Site& s, std::uint64_t count) {
  if (!running_) return;
  auto& e = running_->events.try_emplace(what + text_of(s), KernelCounts::Event{what, s, 0}).first->second;
  e.count += count;
}

/// 32 banks of 4 bytes. A warp's access of 8 bytes a lane is served in halves, of 16 bytes in quarters; a box that the
/// copy engine writes is one lane's.
void Meter::add_shared(Traffic& t, const Lanes& lanes, std::size_t turn) {
  const std::size_t together = 32 / std::clamp<std::size_t>(t.width / 4, 1, 32);
  for (std::size_t first = 0; first < 32; first += together) {
    std::array<std::set<std::uintptr_t>, 32> banks;
    std::size_t most = 0, words = 0;
    for (std::size_t l = first; l < first + together; l++) {
      if (turn >= lanes[l].size()) continue;
      const Request& r = lanes[l][turn];
      for (std::uintptr_t word = r.address / 4; word * 4 < r.address + r.bytes; word++) {
        words += banks[word % 32].insert(word).second;
        most = std::max(most, banks[word % 32].size());
      }
    }
    t.served += most;
    t.ideal += (words + 31) / 32;
  }
}

void Meter::add_global(Traffic& t, const Lanes& lanes, std::size_t turn) {
  std::set<std::uintptr_t> sectors;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> pieces;
  for (const auto& lane : lanes) {
    if (turn >= lane.size()) continue;
    const Request& r = lane[turn];
    pieces.emplace_back(r.address, r.address + r.bytes);
    for (std::uintptr_t s = r.address / 32; s * 32 < r.address + r.bytes; s++) sectors.insert(s);
  }
  std::ranges::sort(pieces);
  std::uintptr_t distinct = 0, end = 0;
  for (const auto& [from, to] : pieces) {
    distinct += to > end ? to - std::max(from, end) : 0;
    end = std::max(end, to);
  }
  t.served += sectors.size();
  t.ideal += (distinct + 31) / 32;
}

void Meter::flush() {
  for (const auto& [key, lanes] : pending_) {
    Traffic& t = running_->traffic[static_cast<std::uint32_t>(key >> 8) * 2 + (key >> 5 & 1)];
    std::size_t turns = 0;
    for (const auto& lane : lanes) {
      turns = std::max(turns, lane.size());
      for (const Request& r : lane) t.bytes += r.bytes;
    }
    t.requests += turns;
    for (std::size_t i = 0; i < turns; i++) t.shared ? add_shared(t, lanes, i) : add_global(t, lanes, i);
  }
  pending_.clear();
}

}  // namespace simt::race
