// Memory with random numbers behind every operand of an argument struct.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/core/case.h"
#include "kernels/core/variant.h"
#include "kernels/device/runtime.h"

namespace sumi::bench {

/// A case with its operands in the device's memory. The same case and dtype always get the same numbers.
template <class Args>
class Filled {
 public:
  Filled(const Case<Args>& c, DType dtype, Context& ctx) : args_(c.args) {
    std::mt19937 rng(7);
    std::uint64_t id = reinterpret_cast<std::uintptr_t>(this);
    operands_ = args_.operands();
    for (Operand& o : operands_) {
      bool absent = false;
      for (const auto name : c.without) absent |= o.optional && name == o.name;
      const bool own = o.ref->dtype != DType::f32 && !o.param;
      const DType t = o.param ? param_dtype(dtype) : own ? o.ref->dtype : dtype;
      if (absent) {
        *o.ref = {};
        continue;
      }
      blocks_.push_back(ctx.scratch(static_cast<std::size_t>(o.count) * size_of(t) + 64));
      // Distinct ids, so that weights are packed once, as in a network.
      *o.ref = TensorRef{blocks_.back().template as<void>(), t, id++, 0};
      fill(*o.ref, o, rng, ctx);
    }
    context_ = &ctx;
  }
  ~Filled() {
    for (const Operand& o : operands_)
      if (o.ref->id) context_->cache().forget(o.ref->id);
  }
  Filled(const Filled&) = delete;
  Filled& operator=(const Filled&) = delete;

  const Args& args() const { return args_; }
  /// An operand's bytes in host memory.
  std::vector<unsigned char> read(const Operand& o) const {
    std::vector<unsigned char> bytes(static_cast<std::size_t>(o.count) * size_of(o.ref->dtype));
    if (context_->device().kind == DeviceKind::cpu)
      std::memcpy(bytes.data(), o.ref->data, bytes.size());
    else
      device::copy_to_host(bytes.data(), o.ref->data, bytes.size(), context_->stream());
    return bytes;
  }
  const Operands& operands() const { return operands_; }

 private:
  static void fill(const TensorRef& t, const Operand& o, std::mt19937& rng, Context& ctx) {
    if (ctx.device().kind == DeviceKind::cpu) return fill(t, o, rng);
    std::vector<unsigned char> staged(static_cast<std::size_t>(o.count) * size_of(t.dtype));
    fill(TensorRef{staged.data(), t.dtype}, o, rng);
    device::copy_to_device(t.data, staged.data(), staged.size(), ctx.stream());
  }
  static void fill(const TensorRef& t, const Operand& o, std::mt19937& rng) {
    if (t.dtype == DType::u8) {
      for (std::int64_t i = 0; i < o.count; i++) t.as<std::uint8_t>()[i] = static_cast<std::uint8_t>(rng() & 255);
      return;
    }
    std::uniform_real_distribution<float> any(-1, 1), unit(0.01f, 0.99f);
    visit_float(t.dtype, [&](auto x) {
      using T = decltype(x);
      for (std::int64_t i = 0; i < o.count; i++)
        t.as<T>()[i] = T(o.fill == Fill::gaussian ? any(rng) : o.fill == Fill::whole ? 1.f : unit(rng));
    });
  }

  Args args_;
  Operands operands_;
  std::vector<Scratch> blocks_;
  Context* context_ = nullptr;
};

inline double value_at(const TensorRef& t, std::int64_t i) {
  if (t.dtype == DType::u8) return t.as<std::uint8_t>()[i];
  return visit_float(t.dtype, [&](auto x) { return static_cast<double>(t.as<decltype(x)>()[i]); });
}

/// The largest difference of two runs' outputs, relative to the operand's root mean square.
template <class Args>
double difference(const Filled<Args>& got, const Filled<Args>& want) {
  double worst = 0;
  for (std::size_t k = 0; k < got.operands().size(); k++) {
    const Operand &g = got.operands()[k], &w = want.operands()[k];
    if (g.role == Role::input || !*g.ref) continue;
    // A value halfway between two levels may fall to either.
    const double rounding = g.ref->dtype == DType::u8 ? 1 : 0;
    double squares = 0, largest = 0;
    std::vector<unsigned char> ours = got.read(g), theirs = want.read(w);
    const TensorRef x{ours.data(), g.ref->dtype}, y{theirs.data(), w.ref->dtype};
    for (std::int64_t i = 0; i < g.count; i++) {
      const double a = value_at(x, i), b = value_at(y, i);
      squares += b * b;
      const double off = std::isnan(a) ? INFINITY : std::abs(a - b);
      if (off > rounding) largest = std::max(largest, off);
    }
    worst = std::max(worst, largest / (std::sqrt(squares / static_cast<double>(g.count)) + 1e-30));
  }
  return worst;
}

}  // namespace sumi::bench
