// All parameters in one launch: a block takes 2,048 elements of one tensor, which it finds in a table that comes with
// the kernel's arguments: 4 KiB hold 64 tensors, 32 KiB (from CUDA 12.1 on) 512; more take another launch. Bytes an
// element: Adam reads w, g, m, v and writes w, m, v, 28, and 2 more for a 16-bit copy, 8 for a moving average; its 15
// operations hide behind them.
#include <span>

#include "kernels/device/elements.h"
#include "kernels/optimizer/element.h"
#include "kernels/optimizer/rows.h"

namespace sumi::cuda {
namespace {

constexpr int kThreads = 256, V = kVector<float>;
constexpr std::int64_t kChunk = 2 * kThreads * V;

struct Slot {
  float* w;
  const float* g;
  float *m, *v, *ema;
  void* copy;
  std::int64_t n;
};

constexpr std::size_t kFewSlots = 64, kManySlots = CUDART_VERSION >= 12010 ? 512 : kFewSlots;  // powers of two

template <std::size_t kSlots>
struct SlotTable {
  Slot slots[kSlots];
  unsigned first[kSlots];  // the first block of each
  DType copies[kSlots];
  int count;
};
constexpr std::size_t kOtherArguments = sizeof(UpdateFactors) + 16;
static_assert(sizeof(SlotTable<kFewSlots>) + kOtherArguments <= 4096);
static_assert(sizeof(SlotTable<kManySlots>) + kOtherArguments <= 32764);

struct Rule {
  Update update;
  bool momentum, first, nesterov;
};

__device__ __forceinline__ void step(const UpdateFactors& f, const Rule& rule, float& w, float g, float& m, float& v) {
  if (rule.update == Update::adam)
    adam_element<false>(f, w, g, m, v);
  else if (rule.update == Update::adamw)
    adam_element<true>(f, w, g, m, v);
  else if (!rule.momentum)
    descend_element(f, w, g);
  else if (rule.first)
    rule.nesterov ? momentum_element<true, true>(f, w, g, m) : momentum_element<true, false>(f, w, g, m);
  else
    rule.nesterov ? momentum_element<false, true>(f, w, g, m) : momentum_element<false, false>(f, w, g, m);
}

/// Elements at .. at + kWidth of a slot.
template <int kWidth>
__device__ __forceinline__ void update(const Slot& s, DType copy, const UpdateFactors& f, const Rule& rule,
                                       std::int64_t at) {
  const bool has_m = rule.update != Update::sgd || rule.momentum, has_v = rule.update != Update::sgd;
  Vector<float, kWidth> w = load_vector<float, kWidth>(s.w + at), m = {}, v = {};
  const Vector<float, kWidth> g = load_vector<float, kWidth>(s.g + at);
  if (has_m && !(has_m != has_v && rule.first)) m = load_vector<float, kWidth>(s.m + at);
  if (has_v) v = load_vector<float, kWidth>(s.v + at);
  for (int e = 0; e < kWidth; e++) step(f, rule, w.v[e], g.v[e], m.v[e], v.v[e]);
  store_vector(s.w + at, w);
  if (has_m) store_vector(s.m + at, m);
  if (has_v) store_vector(s.v + at, v);
  if (s.ema) {
    Vector<float, kWidth> ema = load_vector<float, kWidth>(s.ema + at);
    for (int e = 0; e < kWidth; e++) average_element(f, ema.v[e], w.v[e]);
    store_vector(s.ema + at, ema);
  }
  if (!s.copy) return;
  const auto store_copy = [&]<class T>(T* to) {
    Vector<T, kWidth> narrow;
    for (int e = 0; e < kWidth; e++) narrow.v[e] = from_float<T>(w.v[e]);
    store_vector(to + at, narrow);
  };
  if (copy == DType::bf16)
    store_copy(static_cast<__nv_bfloat16*>(s.copy));
  else if (copy == DType::f16)
    store_copy(static_cast<__half*>(s.copy));
  else
    store_copy(static_cast<float*>(s.copy));
}

template <std::size_t kSlots>
__global__ void __launch_bounds__(kThreads)
    fused(const __grid_constant__ SlotTable<kSlots> table, UpdateFactors f, const Rule rule, const float* schedule) {
  if (schedule) f.take(schedule);
  int k = 0;
#pragma unroll
  for (int step = static_cast<int>(kSlots / 2); step > 0; step /= 2)
    if (k + step < table.count && table.first[k + step] <= blockIdx.x) k += step;
  const Slot& s = table.slots[k];
  const std::int64_t begin = std::int64_t{blockIdx.x - table.first[k]} * kChunk;
#pragma unroll
  for (int part = 0; part < 2; part++) {
    const std::int64_t at = begin + (part * kThreads + static_cast<int>(threadIdx.x)) * V;
    if (at + V <= s.n)
      update<V>(s, table.copies[k], f, rule, at);
    else
      for (std::int64_t i = at; i < s.n; i++) update<1>(s, table.copies[k], f, rule, i);
  }
}

template <std::size_t kSlots>
void launch_slots(std::span<const ParameterSlot> slots, const OptimizerStep& o, Context& ctx) {
  SlotTable<kSlots> table{};
  unsigned blocks = 0;
  for (const ParameterSlot& s : slots) {
    if (s.n == 0) continue;
    table.slots[table.count] = {
        s.w.as<float>(), s.g.as<float>(), s.m.as<float>(), s.v.as<float>(), s.ema.as<float>(), s.copy.data, s.n};
    table.copies[table.count] = s.copy.dtype;
    table.first[table.count++] = blocks;
    blocks += blocks_for(s.n, kChunk);
  }
  if (blocks == 0) return;
  const Rule rule{o.update, o.momentum != 0, o.fills_momentum(), o.nesterov};
  launch(fused<kSlots>, {blocks, kThreads, 0, ctx.stream()}, table, UpdateFactors(o), rule,
         o.schedule.as<const float>());
}

}  // namespace

void optimizer_step_fused(const OptimizerStep& o, Context& ctx) {
  const std::span<const ParameterSlot> all = o.slots;
  if (all.size() <= kFewSlots) return launch_slots<kFewSlots>(all, o, ctx);
  for (std::size_t begin = 0; begin < all.size(); begin += kManySlots)
    launch_slots<kManySlots>(all.subspan(begin, std::min(kManySlots, all.size() - begin)), o, ctx);
}

}  // namespace sumi::cuda
