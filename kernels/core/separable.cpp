#include "kernels/core/separable.h"

#include "kernels/core/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/core/separable.cpp"
#include <hwy/foreach_target.h>
//
#include "kernels/core/separable-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {

template <bool kMax, class T>
void rows_of(const SeparableMap& m, const T* x, T* y, float fill, std::int64_t begin, std::int64_t end,
             float* scratch) {
  const std::int64_t P = m.rows.outputs(), Q = m.columns.outputs(), image = m.rows.inputs * m.columns.inputs * m.C;
  const bool stream = m.y_count() * static_cast<std::int64_t>(sizeof(T)) >= kStreamBytes;
  for (std::int64_t i = begin; i < end; i++)
    separable_row<kMax>(m, PlainLoad<T>{x + i / P * image}, i % P, y + i * Q * m.C, fill, stream, scratch);
  if (stream) hwy::FlushStream();
}

/// Output rows [begin,end) of N*P.
void separable_rows(const SeparableMap& m, const TensorRef& x, const TensorRef& y, float fill, bool largest,
                    std::int64_t begin, std::int64_t end, float* scratch) {
  const auto go = [&](auto t) {
    using T = decltype(t);
    if (largest)
      rows_of<true>(m, x.as<T>(), y.as<T>(), fill, begin, end, scratch);
    else
      rows_of<false>(m, x.as<T>(), y.as<T>(), fill, begin, end, scratch);
  };
  visit_f32_bf16(x.dtype, go);
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sumi {
namespace {

HWY_EXPORT(separable_rows);

constexpr std::int64_t kBlockFloats = 4096;  // 16 KiB: half a first-level cache

void run_separable(const SeparableMap& m, const TensorRef& x, const TensorRef& y, float fill, bool largest,
                   Context& ctx) {
  parallel_for(ctx, m.N * m.rows.outputs(), 1, [&](std::int64_t begin, std::int64_t end) {
    const Scratch scratch = ctx.scratch(static_cast<std::size_t>(m.scratch_floats()) * sizeof(float));
    HWY_DYNAMIC_DISPATCH(separable_rows)(m, x, y, fill, largest, begin, end, scratch.as<float>());
  });
}

SeparableMap::Kind kind_of(const LineMap& m, std::int64_t i) {
  if (m.count_of(i) == 0) return SeparableMap::Kind::fill;
  return m.count_of(i) == 1 && m.begin_of(i)->weight == 1 ? SeparableMap::Kind::copy : SeparableMap::Kind::mix;
}

/// A block of output i alone.
SeparableMap::Block block_of(const LineMap& m, std::int64_t i) {
  SeparableMap::Block b{kind_of(m, i), i, i + 1, 0, 0};
  for (std::int64_t k = 0; k < m.count_of(i); k++) {
    const std::int64_t at = m.begin_of(i)[k].at;
    b.low = k ? std::min(b.low, at) : at;
    b.high = k ? std::max(b.high, at + 1) : at + 1;
  }
  return b;
}

/// How many outputs from q on are of `kind`; copies at consecutive inputs.
std::int64_t run_length(const LineMap& m, std::int64_t q, SeparableMap::Kind kind) {
  std::int64_t n = 0;
  for (; q + n < m.outputs() && kind_of(m, q + n) == kind; n++)
    if (kind == SeparableMap::Kind::copy && m.begin_of(q + n)->at != m.begin_of(q)->at + n) break;
  return n;
}

constexpr std::int64_t kShortestCopy = 4;  // shorter runs go with their neighbours

/// The block that starts at output q.
SeparableMap::Block next_block(const LineMap& m, std::int64_t q, std::int64_t limit) {
  using Kind = SeparableMap::Kind;
  SeparableMap::Block b = block_of(m, q);
  if (b.kind == Kind::fill) return b.end = q + run_length(m, q, Kind::fill), b;
  if (const std::int64_t n = run_length(m, q, Kind::copy); n >= kShortestCopy) {
    b.end = std::min(q + n, q + limit), b.high = b.low + b.end - q;
    return b;
  }
  b.kind = Kind::mix;
  while (b.end < m.outputs() && b.end - q < limit) {
    const SeparableMap::Block one = block_of(m, b.end);
    if (one.kind == Kind::fill || run_length(m, b.end, Kind::copy) >= kShortestCopy) break;
    const std::int64_t low = std::min(b.low, one.low), high = std::max(b.high, one.high);
    if (high - low > limit) break;
    b.end++, b.low = low, b.high = high;
  }
  return b;
}

}  // namespace

LineMap transposed(const LineMap& m) {
  LineMap t{.inputs = m.outputs()};
  t.first.assign(static_cast<std::size_t>(m.inputs) + 1, 0);
  t.entries.resize(m.entries.size());
  for (const auto& e : m.entries) t.first[static_cast<std::size_t>(e.at) + 1]++;
  for (std::size_t i = 1; i < t.first.size(); i++) t.first[i] += t.first[i - 1];
  std::vector<std::int64_t> next = t.first;
  for (std::int64_t i = 0; i < m.outputs(); i++)
    for (std::int64_t k = 0; k < m.count_of(i); k++) {
      const LineMap::Entry e = m.begin_of(i)[k];
      t.entries[static_cast<std::size_t>(next[static_cast<std::size_t>(e.at)]++)] = {i, e.weight};
    }
  return t;
}

SeparableMap::SeparableMap(LineMap rows_, LineMap columns_, std::int64_t N_, std::int64_t C_)
    : rows(std::move(rows_)), columns(std::move(columns_)), N(N_), C(C_) {
  const std::int64_t limit = std::max<std::int64_t>(1, kBlockFloats / C);
  for (std::int64_t q = 0; q < columns.outputs(); q = blocks.back().end)
    blocks.push_back(next_block(columns, q, limit));
  for (const Block& b : blocks) widest = std::max(widest, (b.high - b.low) * C);
}

std::int64_t SeparableMap::scratch_floats() const {
  std::int64_t longest = 0;
  for (const Block& b : blocks)
    if (b.kind != Kind::fill) longest = std::max(longest, (b.end - b.begin) * C);
  return widest + 16 + longest + 16;
}

void separable_sum(const SeparableMap& m, const TensorRef& x, const TensorRef& y, float fill, Context& ctx) {
  run_separable(m, x, y, fill, false, ctx);
}
void separable_max(const SeparableMap& m, const TensorRef& x, const TensorRef& y, float fill, Context& ctx) {
  run_separable(m, x, y, fill, true, ctx);
}

}  // namespace sumi
#endif
