// Warpgroup products.
#include <algorithm>

#include "tests/simt/hopper_block.h"

namespace simt {
namespace {

unsigned warp() { return thread_in_block() / 32 % 4; }
Warpgroup& group() { return hopper_block().warpgroups[thread_in_block() / 128]; }

/// A tile of `rows` x 16 behind a descriptor (PTX ISA, "Matrix Descriptor Format").
struct Tile {
  std::size_t start, leading, stride, span;
  bool rows_major;
  int rows;

  Tile(std::uint64_t d, bool rows_contiguous, int count) : rows_major(rows_contiguous), rows(count) {
    constexpr std::uint64_t kUsed = 0xC000'3FFF'3FFF'3FFFu;
    const auto field = [&](int bit) { return static_cast<std::size_t>(d >> bit & 0x3FFF) * 16; };
    start = field(0), leading = field(16), stride = field(32);
    if (d & ~kUsed) fail("wgmma: a descriptor with a base offset or reserved bits");
    const auto swizzle = d >> 62;
    if (swizzle == 0) fail("wgmma: tiles without a swizzle are not emulated");
    span = std::size_t{256} >> swizzle;
    if (start < sumi::intrin::kSharedBase) fail("wgmma: a descriptor's address is not in dynamic shared memory");
  }
  /// f(place in dynamic shared memory, row, k) of every 16 bytes: 8 elements along k, or along the rows.
  template <class F>
  void visit(F f) const {
    const std::size_t line = span / 2;
    const auto emit = [&](std::size_t address, std::size_t row, std::size_t k) {
      const std::size_t swizzled = address ^ (address >> 7 & (span / 16 - 1)) << 4;
      f(swizzled - sumi::intrin::kSharedBase, row, k);
    };
    const auto n = static_cast<std::size_t>(rows);
    if (rows_major)
      for (std::size_t k = 0; k < 16; k++)
        for (std::size_t r = 0; r < n; r += 8)
          emit(start + r / line * leading + r % line * 2 + k / 8 * stride + k % 8 * span, r, k);
    else
      for (std::size_t r = 0; r < n; r++)
        for (std::size_t k = 0; k < 16; k += 8) emit(start + r / 8 * stride + r % 8 * span + k * 2, r, k);
  }
};

Tile left_of(const Product& p) { return {p.a, p.shape.rows_major_a, 64}; }
Tile right_of(const Product& p) { return {p.b, p.shape.rows_major_b, p.shape.columns}; }

void check_readable(const Tile& t) {
  t.visit([](std::size_t at, std::size_t, std::size_t) { hopper_block().memory.read(at, "wgmma"); });
}

/// values[row][k] of a tile, as it is now.
std::vector<double> read_tile(const Tile& t, const Product& p) {
  std::vector<double> values(static_cast<std::size_t>(t.rows) * 16);
  t.visit([&](std::size_t at, std::size_t row, std::size_t k) {
    const char* from = hopper_block().memory.read(at, "wgmma");
    note_access(from, 16, Observer::Access::read, p.pc);
    unsigned words[4];
    copy_unseen(words, from, 16);
    for (std::size_t e = 0; e < 8; e++) {
      const std::size_t to = t.rows_major ? (row + e) * 16 + k : row * 16 + k + e;
      values[to] = static_cast<double>(p.shape.value(words[e / 2], static_cast<int>(e % 2)));
    }
  });
  return values;
}

/// All 64 x N sums, into the threads' pending values.
void compute(Warpgroup& g, Product& p) {
  if (observer()) observer()->count("FLOP of wgmma", p.site, 2ull * 64 * 16 * static_cast<unsigned>(p.shape.columns));
  const std::vector<double> a = read_tile(left_of(p), p), b = read_tile(right_of(p), p);
  const auto n = static_cast<std::size_t>(p.shape.columns);
  std::vector<double> right(16 * n), sums(n);  // (16,N)
  for (std::size_t i = 0; i < n; i++)
    for (std::size_t k = 0; k < 16; k++) right[k * n + i] = b[i * 16 + k];
  const bool finite = std::ranges::all_of(right, [](double v) { return std::isfinite(v); });
  for (std::size_t m = 0; m < 64; m++) {
    std::ranges::fill(sums, 0);
    for (std::size_t k = 0; k < 16; k++)
      for (std::size_t i = 0; i < (finite && a[m * 16 + k] == 0 ? 0 : n); i++)
        sums[i] += a[m * 16 + k] * right[k * n + i];
    for (std::size_t q = 0; q < 4; q++) {
      std::vector<float>& d = g.sums[p.d[m / 16 * 32 + m % 8 * 4 + q]].values;
      for (std::size_t i = m % 16 / 8 * 2; i < n / 2; i += 4)
        for (std::size_t e = 0; e < 2; e++) {
          const double before = p.add ? static_cast<double>(d[i + e]) : 0;
          d[i + e] = cut(before + sums[i / 4 * 8 + 2 * q + e]);
        }
    }
  }
  p.computed = true;
}

bool all_poison(const float* d, std::size_t count) {
  const char* c = reinterpret_cast<const char*>(d);
  return std::all_of(c, c + count * sizeof(float),
                     [](char b) { return static_cast<unsigned char>(b) == options().poison; });
}

void begin_sums(Warpgroup& g, float* d, std::size_t count) {
  Sums& s = g.sums[d];
  if (s.pending++ == 0) {
    if (!g.fenced[warp()]) fail("wgmma: the sums were touched after the last fence_products()");
    s.values.assign(d, d + count);
    fill_unseen(d, count * sizeof(float), options().poison);
  }
  if (s.values.size() != count) fail("wgmma: products of different widths in flight on the same sums");
}

void end_sums(Warpgroup& g, float* d) {
  Sums& s = g.sums[d];
  if (--s.pending > 0) return;
  if (!all_poison(d, s.values.size())) fail("wgmma: sums were written while products worked on them");
  std::ranges::copy(s.values, d);
  g.sums.erase(d);
  g.fenced[warp()] = false;
}

struct Issue {
  float* d;
  std::uint64_t a, b;
  bool add;
  const ProductShape* shape;
  const void* pc;
};

void run_issue(Collective& c) {
  need_whole_warp(c, "wgmma");
  const Issue& in = *static_cast<const Issue*>(c.in[0]);
  Warpgroup& g = group();
  const unsigned w = warp();
  const std::size_t number = g.issued[w]++ - g.first;
  if (number == g.queue.size())
    g.queue.push_back({.a = in.a, .b = in.b, .add = in.add, .shape = *in.shape, .site = c.site, .pc = in.pc});
  Product& p = g.queue[number];
  for (int l = 0; l < 32; l++) {
    const Issue& i = *static_cast<const Issue*>(c.in[l]);
    if (i.a != p.a || i.b != p.b || i.add != p.add || !(c.site == p.site))
      fail("wgmma: threads of the warpgroup disagree at " + text_of(c.site));
    p.d[w * 32 + static_cast<unsigned>(l)] = i.d;
    begin_sums(g, i.d, static_cast<std::size_t>(p.shape.columns) / 2);
  }
  p.group[w] = g.groups[w];
  p.issued |= 1u << w;
  check_readable(left_of(p)), check_readable(right_of(p));
}

/// Products of this warp that a wait is for: up to this number.
std::size_t wanted(const Warpgroup& g, unsigned w, int open) {
  std::size_t n = g.landed[w];
  while (n < g.issued[w] && g.queue[n - g.first].group[w] < g.groups[w] - open) n++;
  return n;
}

struct Wait {
  const Warpgroup* group;
  std::size_t until;
  bool ready() const {
    for (std::size_t n = group->first; n < until; n++)
      if (group->queue[n - group->first].issued != 0xFu) return false;
    return true;
  }
};

void run_wait(Collective& c) {
  need_whole_warp(c, "wgmma wait");
  Warpgroup& g = group();
  const unsigned w = warp();
  const std::size_t until = static_cast<const Wait*>(c.in[0])->until;
  acquire(&g);
  for (; g.landed[w] < until; g.landed[w]++) {
    Product& p = g.queue[g.landed[w] - g.first];
    if (!p.computed) compute(g, p);
    for (unsigned l = 0; l < 32; l++) end_sums(g, p.d[w * 32 + l]);
    p.done |= 1u << w;
  }
  release(&g);
  while (!g.queue.empty() && g.queue.front().done == 0xFu) g.queue.pop_front(), g.first++;
}

}  // namespace

void fence_products(const Site& s) {
  if (!ignored(s)) collective<int>(0xffffffffu, s, 0, [](Collective&) { group().fenced[warp()] = true; });
}

void issue_product(float* d, std::uint64_t a, std::uint64_t b, bool add, const ProductShape& shape, const Site& s,
                   const void* pc) {
  if (thread_in_block() / 128 * 128 + 128 > blockDim.x * blockDim.y * blockDim.z)
    fail("wgmma: the warpgroup has fewer than 128 threads");
  collective<int>(0xffffffffu, s, Issue{d, a, b, add, &shape, pc}, run_issue);
}

void commit_products(const Site& s) {
  collective<int>(0xffffffffu, s, 0, [](Collective&) { group().groups[warp()]++; });
}

void wait_for_products(int open, const Site& s) {
  if (ignored(s)) return;
  Warpgroup& g = group();
  const Wait wait{&g, wanted(g, warp(), open)};
  wait_until([](const void* w) { return static_cast<const Wait*>(w)->ready(); }, &wait, s);
  collective<int>(0xffffffffu, s, wait, run_wait);
  acquire(&g);
}

}  // namespace simt
