// The loops of a separable map for one target. A `Load` says what an input element is: see PlainLoad.
#if defined(KERNELS_CORE_SEPARABLE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KERNELS_CORE_SEPARABLE_INL_H_
#undef KERNELS_CORE_SEPARABLE_INL_H_
#else
#define KERNELS_CORE_SEPARABLE_INL_H_
#endif

#include "kernels/core/separable.h"
#include "kernels/core/vectors-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sumi {
namespace HWY_NAMESPACE {

/// Element j of a row as it stands in memory. `phase` is j modulo `period` for loads with per-channel parameters.
template <class T>
struct PlainLoad {
  using Element = T;
  const T* row;
  static constexpr std::int64_t period = 16;
  PlainLoad at_row(std::int64_t offset) const { return {row + offset}; }
  HWY_INLINE FloatVector whole(std::int64_t j, std::int64_t) const { return load_vector(row + j); }
  HWY_INLINE FloatVector part(std::int64_t j, std::int64_t, std::int64_t count) const {
    return load_part(row + j, count);
  }
};

/// Calls whole(j, phase) for the vectors of [begin,end) and part(j, phase, count) for what is left.
template <class Whole, class Part>
HWY_INLINE void for_each_vector(std::int64_t begin, std::int64_t end, std::int64_t period, Whole&& whole, Part&& part) {
  const std::int64_t step = lanes();
  std::int64_t phase = begin % period, j = begin;
  for (; j + step <= end; j += step) {
    whole(j, phase);
    phase += step;
    if (phase >= period) phase -= period;
  }
  if (j < end) part(j, phase, end - j);
}

/// y[0 .. end-begin) = load[begin .. end), past the caches from the first aligned address on.
template <class T, class Load>
void map_span(const Load& load, std::int64_t begin, std::int64_t end, T* y, bool stream) {
  T* const to = y - begin;
  const auto part = [&](std::int64_t j, std::int64_t phase, std::int64_t n) {
    store_part(load.part(j, phase, n), to + j, n);
  };
  if (stream) {
    const auto width = static_cast<std::uintptr_t>(lanes()) * sizeof(T);
    const auto ahead = static_cast<std::int64_t>((0 - reinterpret_cast<std::uintptr_t>(y)) % width / sizeof(T));
    const std::int64_t head = ahead < end - begin ? ahead : end - begin;
    if (head > 0) part(begin, begin % load.period, head);
    begin += head;
    if (streams_from(to + begin)) {
      for_each_vector(
          begin, end, load.period,
          [&](std::int64_t j, std::int64_t phase) { stream_vector(load.whole(j, phase), to + j); }, part);
      return;
    }
  }
  for_each_vector(
      begin, end, load.period, [&](std::int64_t j, std::int64_t phase) { store_vector(load.whole(j, phase), to + j); },
      part);
}

/// y[i] = value for i < count.
template <class T>
void fill_span(T* y, std::int64_t count, float value) {
  const auto v = hn::Set(FloatTag(), value);
  for_each_vector(
      0, count, 16, [&](std::int64_t j, std::int64_t) { store_vector(v, y + j); },
      [&](std::int64_t j, std::int64_t, std::int64_t n) { store_part(v, y + j, n); });
}

/// The larger one; NaN is larger than everything.
HWY_INLINE FloatVector larger(FloatVector m, FloatVector v) {
  return hn::IfThenElse(hn::Or(hn::Gt(v, m), hn::IsNaN(v)), v, m);
}

template <bool kMax>
HWY_INLINE FloatVector first_term(FloatVector v, float weight) {
  return kMax ? v : hn::Mul(v, hn::Set(FloatTag(), weight));
}
template <bool kMax>
HWY_INLINE FloatVector next_term(FloatVector sum, FloatVector v, float weight) {
  return kMax ? larger(sum, v) : hn::MulAdd(v, hn::Set(FloatTag(), weight), sum);
}

/// v[0 .. end-begin) = the rows' entries of one output row over elements [begin,end). v has slack for one vector.
template <bool kMax, class Load>
void combine_rows(const Load& image, std::int64_t row_stride, const LineMap::Entry* e, std::int64_t count,
                  std::int64_t begin, std::int64_t end, float* v) {
  const Load r0 = image.at_row(e[0].at * row_stride), r1 = image.at_row(e[count > 1 ? 1 : 0].at * row_stride);
  const auto combine = [&](const auto& get) HWY_ATTR {
    FloatVector sum = first_term<kMax>(get(r0), e[0].weight);
    if (count > 1) sum = next_term<kMax>(sum, get(r1), e[1].weight);
    for (std::int64_t k = 2; k < count; k++)
      sum = next_term<kMax>(sum, get(image.at_row(e[k].at * row_stride)), e[k].weight);
    return sum;
  };
  for_each_vector(
      begin, end, image.period,
      [&](std::int64_t j, std::int64_t phase) {
        store_vector(combine([&](const Load& row) HWY_ATTR { return row.whole(j, phase); }), v + j - begin);
      },
      [&](std::int64_t j, std::int64_t phase, std::int64_t n) {
        store_vector(combine([&](const Load& row) HWY_ATTR { return row.part(j, phase, n); }), v + j - begin);
      });
}

/// y = the columns' entries of outputs [begin,end), read from v, whose element 0 is input column `low`. Whole vectors
/// are stored in ascending order: what spills over a pixel's end is overwritten by the next pixel.
template <bool kMax, bool kStream, class T>
void combine_columns(const SeparableMap& m, const SeparableMap::Block& b, const float* v, float fill, T* y) {
  const std::int64_t C = m.C, step = lanes();
  const auto put = [](FloatVector value, T* p) HWY_ATTR {
    if constexpr (kStream)
      stream_vector(value, p);
    else
      store_vector(value, p);
  };
  for (std::int64_t q = b.begin; q < b.end; q++, y += C) {
    const LineMap::Entry* e = m.columns.begin_of(q);
    const std::int64_t count = m.columns.count_of(q);
    const float *v0 = v + (count > 0 ? e[0].at - b.low : 0) * C, *v1 = v + (count > 1 ? e[1].at - b.low : 0) * C;
    if (count == 0) {
      for (std::int64_t c = 0; c < C; c += step) put(hn::Set(FloatTag(), fill), y + c);
    } else if (count == 1) {
      for (std::int64_t c = 0; c < C; c += step) put(first_term<kMax>(load_vector(v0 + c), e[0].weight), y + c);
    } else if (count == 2) {
      for (std::int64_t c = 0; c < C; c += step)
        put(next_term<kMax>(first_term<kMax>(load_vector(v0 + c), e[0].weight), load_vector(v1 + c), e[1].weight),
            y + c);
    } else {
      for (std::int64_t c = 0; c < C; c += step) {
        FloatVector sum = first_term<kMax>(load_vector(v0 + c), e[0].weight);
        for (std::int64_t k = 1; k < count; k++)
          sum = next_term<kMax>(sum, load_vector(v + (e[k].at - b.low) * C + c), e[k].weight);
        put(sum, y + c);
      }
    }
  }
}

/// One output row [Q,C]; `image` loads from the input image's first element. `scratch`: m.scratch_floats().
template <bool kMax, class T, class Load>
void separable_row(const SeparableMap& m, const Load& image, std::int64_t p, T* y, float fill, bool stream,
                   float* scratch) {
  const std::int64_t C = m.C, row_stride = m.columns.inputs * C, count = m.rows.count_of(p);
  const LineMap::Entry* e = m.rows.begin_of(p);
  float* const v = scratch;
  T* const line = reinterpret_cast<T*>(scratch + m.widest + 16);
  if (count == 0) return fill_span(y, m.columns.outputs() * C, fill);
  for (const SeparableMap::Block& b : m.blocks) {
    T* const to = y + b.begin * C;
    const std::int64_t size = (b.end - b.begin) * C;
    if (b.kind == SeparableMap::Kind::fill) {
      fill_span(to, size, fill);
    } else if (b.kind == SeparableMap::Kind::copy && count == 1 && e[0].weight == 1) {
      map_span(image.at_row(e[0].at * row_stride), b.low * C, b.high * C, to, stream);
    } else {
      combine_rows<kMax>(image, row_stride, e, count, b.low * C, b.high * C, v);
      if (C % lanes() != 0) {
        combine_columns<kMax, false>(m, b, v, fill, line);
        map_span(PlainLoad<T>{line}, 0, size, to, stream);
      } else if (stream && streams_from(to)) {
        combine_columns<kMax, true>(m, b, v, fill, to);
      } else {
        combine_columns<kMax, false>(m, b, v, fill, to);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sumi
HWY_AFTER_NAMESPACE();
#endif
