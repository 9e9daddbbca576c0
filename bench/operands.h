// Memory with random numbers behind every operand of an argument struct.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/core/case.h"
#include "kernels/core/variant.h"
#include "kernels/device/runtime.h"
#include "kernels/random/random.h"

namespace sumi::bench {

using Bytes = std::vector<unsigned char>;

/// A case with its operands in the device's memory. The same case and dtype always get the same numbers.
template <class Args>
class Filled {
 public:
  Filled(const Case<Args>& c, DType dtype, Context& ctx) : args_(c.args), context_(&ctx) {
    std::uint64_t id = reinterpret_cast<std::uintptr_t>(this);
    operands_ = args_.operands();
    for (Operand& o : operands_) {
      const bool own = o.ref->dtype != DType::f32 && !o.param;
      const DType t = o.param ? param_dtype(dtype) : own ? o.ref->dtype : dtype;
      if (c.leaves_out(o)) {
        *o.ref = {};
        continue;
      }
      blocks_.push_back(ctx.scratch(static_cast<std::size_t>(o.count) * size_of(t) + 64));
      // Distinct ids, so that weights are packed once, as in a network.
      *o.ref = TensorRef{blocks_.back().template as<void>(), t, id++, 0};
    }
    fill();
  }
  ~Filled() {
    for (const Operand& o : operands_)
      if (o.ref->id) context_->cache().forget(o.ref->id);
  }
  Filled(const Filled&) = delete;
  Filled& operator=(const Filled&) = delete;

  const Args& args() const { return args_; }
  const Operands& operands() const { return operands_; }
  /// Writes the operands' numbers, again after a row has changed some. On a GPU they are made there.
  void fill() {
    std::uint32_t stream = 0;
    for (const Operand& o : operands_)
      if (*o.ref) o.ref->dtype == DType::u8 ? fill_bytes(o) : fill_floats(o, stream++);
  }
  /// What the row wrote, operand by operand, in host memory; empty for inputs and absent ones.
  std::vector<Bytes> results() const {
    std::vector<Bytes> all;
    for (const Operand& o : operands_) {
      const bool written = o.role != Role::input && *o.ref;
      all.emplace_back(written ? static_cast<std::size_t>(o.count) * size_of(o.ref->dtype) : 0);
      if (written) read(o, all.back());
    }
    return all;
  }

 private:
  bool on_cpu() const { return context_->device().kind == DeviceKind::cpu; }
  void read(const Operand& o, Bytes& bytes) const {
    if (on_cpu())
      std::memcpy(bytes.data(), o.ref->data, bytes.size());
    else
      device::copy_to_host(bytes.data(), o.ref->data, bytes.size(), context_->stream());
  }
  void fill_bytes(const Operand& o) {
    Bytes staged(static_cast<std::size_t>(o.count));
    std::uint32_t x = 7;  // Knuth's linear congruential generator
    for (unsigned char& b : staged) b = static_cast<unsigned char>((x = x * 1664525u + 1013904223u) >> 24);
    if (on_cpu())
      std::memcpy(o.ref->data, staged.data(), staged.size());
    else
      context_->upload(o.ref->data, staged.data(), staged.size());
  }
  void fill_floats(const Operand& o, std::uint32_t stream) {
    RandomFill f{.low = 0.01, .high = 0.99, .seed = 7, .stream = stream, .n = o.count, .y = *o.ref};
    if (o.fill == Fill::gaussian) f.low = -1, f.high = 1;
    if (o.fill == Fill::whole) f.low = f.high = 1;
    // The row itself: nothing here is to be autotuned.
    const auto row = std::ranges::find_if(
        RandomFill::table(), [&](const Variant<RandomFill>& v) { return can_run(v, f, context_->device()); });
    row->run(f, *context_);
  }

  Args args_;
  Operands operands_;
  std::vector<Scratch> blocks_;
  Context* context_;
};

inline double value_at(const TensorRef& t, std::int64_t i) {
  switch (t.dtype) {
    case DType::f32:
      return static_cast<double>(t.as<float>()[i]);
    case DType::f64:
      return t.as<double>()[i];
    case DType::f16:
      return static_cast<double>(t.as<Half>()[i]);
    case DType::bf16:
      return static_cast<double>(t.as<BFloat16>()[i]);
    case DType::u8:
      return t.as<std::uint8_t>()[i];
  }
  return 0;
}

inline double distance(double a, double b) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return 0;
  return std::isnan(a - b) ? INFINITY : std::abs(a - b);
}

/// The largest difference of two runs' results(), relative to the operand's root mean square.
inline double difference(const Operands& operands, std::vector<Bytes>& got, std::vector<Bytes>& want) {
  double worst = 0;
  for (std::size_t k = 0; k < operands.size(); k++) {
    if (want[k].empty()) continue;
    const Operand& o = operands[k];
    // A value halfway between two levels may fall to either.
    const double rounding = o.ref->dtype == DType::u8 ? 1 : 0;
    double squares = 0, largest = 0;
    const TensorRef x{got[k].data(), o.ref->dtype}, y{want[k].data(), o.ref->dtype};
    for (std::int64_t i = 0; i < o.count; i++) {
      const double b = value_at(y, i), off = distance(value_at(x, i), b);
      squares += b * b;
      if (off > rounding) largest = std::max(largest, off);
    }
    worst = std::max(worst, largest / (std::sqrt(squares / static_cast<double>(o.count)) + 1e-30));
  }
  return worst;
}

}  // namespace sumi::bench
