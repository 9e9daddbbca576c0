// Maps of rows and columns as a gather: every thread writes 16 bytes at a time of y and adds up the inputs that its
// row's and its column's entries name, so that no two threads meet in an output and gradients need no atomics.
//
// Bytes: x and y once each; inputs that neighbouring outputs share come from the caches, and so do the tables, 8 bytes
// an entry. An output's loads hang on its entries, which hang on where those begin: two first-level hits (some 35
// cycles each) before the data's 700. 4 blocks of 256 threads, all that sm_75 takes, with 2 loads each have 32 KiB in
// flight a multiprocessor, 1.6 times what full speed needs.
#include <memory>

#include "kernels/core/separable.h"
#include "kernels/device/pixel_lanes.h"
#include "kernels/device/raw.h"

namespace sumi::cuda {
namespace {

struct alignas(8) Entry {
  int at;
  float weight;
};

/// One side's map on the device.
struct Line {
  const int* first;
  const Entry* entries;
};

/// The tables' memory: both sides' `first`, then both sides' entries.
struct Tables {
  Scratch memory;
  Line rows, columns;
  int H, W, Q, P;
};

std::shared_ptr<Tables> upload(const LineMaps& m, Context& ctx) {
  std::vector<int> words;
  const auto add = [&](const LineMap& l) {
    for (const std::int64_t i : l.first) words.push_back(static_cast<int>(i));
  };
  add(m.rows), add(m.columns);
  if (words.size() % 2) words.push_back(0);  // entries are 8 bytes
  const std::size_t begin = words.size();
  for (const LineMap* l : {&m.rows, &m.columns})
    for (const LineMap::Entry& e : l->entries) {
      words.push_back(static_cast<int>(e.at));
      words.push_back(std::bit_cast<int>(e.weight));
    }
  Scratch memory = ctx.scratch(words.size() * sizeof(int));
  ctx.upload(memory.as<void>(), words.data(), words.size() * sizeof(int));
  const int* at = memory.as<int>();
  const auto* entries = reinterpret_cast<const Entry*>(at + begin);
  return std::make_shared<Tables>(Tables{std::move(memory),
                                         {at, entries},
                                         {at + m.rows.first.size(), entries + m.rows.entries.size()},
                                         static_cast<int>(m.rows.inputs),
                                         static_cast<int>(m.columns.inputs),
                                         static_cast<int>(m.columns.outputs()),
                                         static_cast<int>(m.rows.outputs())});
}

struct Gather {
  PixelLanes l = {};  // of y
  PixelChunks c = {};
  Line rows = {}, columns = {};
  int H = 1, W = 1, Q = 1;
  float fill = 0;
};

template <class T, int V, bool kMax>
__global__ void __launch_bounds__(kPixelThreads, 4) gather(const T* __restrict__ x, T* __restrict__ y, Gather m) {
  const PixelPlace at(m.l, m.c);
  if (!at.active) return;
  const T* image = x + at.n * m.H * m.W * m.l.C + at.lane;
  for (std::int64_t i = at.first + at.row; i < at.last; i += m.l.down()) {
    const RowColumn to(i, m.Q);
    const int r0 = m.rows.first[to.row], r1 = m.rows.first[to.row + 1];
    const int s0 = m.columns.first[to.column], s1 = m.columns.first[to.column + 1];
    const bool any = r0 < r1 && s0 < s1;
    float out[V];
#pragma unroll
    for (int e = 0; e < V; e++) out[e] = !any ? m.fill : kMax ? -INFINITY : 0;
    constexpr int kBatch = 2;  // loads under way before the first one is used
    const int taps = (r1 - r0) * (s1 - s0);
    for (int k0 = 0, r = r0, s = s0; k0 < taps; k0 += kBatch) {
      Raw<T, V> held[kBatch];
      float weight[kBatch];
#pragma unroll
      for (int k = 0; k < kBatch; k++) {  // beyond the last tap: that one again, and not used
        const Entry row = m.rows.entries[r], column = m.columns.entries[s];
        weight[k] = row.weight * column.weight;
        held[k] = load_raw<T, V>(image + (std::int64_t{row.at} * m.W + column.at) * m.l.C);
        if (k0 + k + 1 < taps && ++s == s1) s = s0, r++;
      }
#pragma unroll
      for (int k = 0; k < kBatch; k++) {
        if (k0 + k >= taps) break;
        const Vector<T, V> v = unpack<T, V>(held[k]);
#pragma unroll
        for (int e = 0; e < V; e++) {
          const float value = to_float(v.v[e]);
          if constexpr (kMax)
            out[e] = value > out[e] || value != value ? value : out[e];  // NaN wins
          else
            out[e] += weight[k] * value;
        }
      }
    }
    Vector<T, V> result;
#pragma unroll
    for (int e = 0; e < V; e++) result.v[e] = from_float<T>(out[e]);
    store_vector(y + (at.n * m.l.pixels + i) * m.l.C + at.lane, result);
  }
}

template <bool kMax>
void run(std::string_view op, const std::string& key, const std::function<LineMaps()>& make, std::int64_t N,
         std::int64_t C, const TensorRef& x, const TensorRef& y, float fill, Context& ctx) {
  const auto tables = ctx.cache().plan<Tables>(op, key, [&] { return upload(make(), ctx); });
  const std::int64_t outputs = std::int64_t{tables->P} * tables->Q;
  if (N * outputs * C == 0) return;
  check(outputs < std::int64_t{1} << 31, op, ": an image of ", tables->P, 'x', tables->Q, " is too large");
  visit_gpu_float(x.dtype, [&](auto t) {
    using T = decltype(t);
    Gather m{.l = pixel_lanes(N, outputs, C, C % kVector<T> == 0 ? kVector<T> : 1),
             .rows = tables->rows,
             .columns = tables->columns,
             .H = tables->H,
             .W = tables->W,
             .Q = tables->Q,
             .fill = fill};
    m.c = pixel_chunks(m.l, 8);
    const auto go = [&](auto v) {
      launch(gather<T, decltype(v)::value, kMax>, {pixel_grid(m.l, m.c), kPixelThreads, 0, ctx.stream()}, x.as<T>(),
             y.as<T>(), m);
    };
    visit_lanes<T>(m.l, go);
  });
}

}  // namespace

void separable_sum(std::string_view op, const std::string& key, const std::function<LineMaps()>& make, std::int64_t N,
                   std::int64_t C, const TensorRef& x, const TensorRef& y, float fill, Context& ctx) {
  run<false>(op, key, make, N, C, x, y, fill, ctx);
}
void separable_max(std::string_view op, const std::string& key, const std::function<LineMaps()>& make, std::int64_t N,
                   std::int64_t C, const TensorRef& x, const TensorRef& y, float fill, Context& ctx) {
  run<true>(op, key, make, N, C, x, y, fill, ctx);
}

}  // namespace sumi::cuda
