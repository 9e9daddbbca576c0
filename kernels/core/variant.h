// A table of rows is the list of an op's implementations; select() picks one, run() calls it.
#pragma once
#include <algorithm>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "kernels/core/autotune.h"
#include "kernels/core/clock.h"
#include "kernels/core/context.h"
#include "kernels/core/error.h"

namespace sumi {

/// What a row promises besides its result: when it may be chosen, and how far tests let it be off.
struct Traits {
  bool deterministic = true;
  /// How much more error than the plain sum a row may make (winograd: its transforms amplify); scales the test bound.
  double error_factor = 1;
  /// Rounds f32 operands to tf32, 11 significant bits; chosen only where the context allows it.
  bool tf32 = false;
  /// How often each term of a sum is rounded to the storage dtype on its way (16-bit winograd: its factors and products
  /// are stored); each adds one unit roundoff of the sum of magnitudes to the bound.
  double term_roundings = 0;
};

/// Whether a row may be chosen without being named.
inline bool allowed(const Traits& t, const Context& ctx) {
  return (t.deterministic || !ctx.deterministic()) && (!t.tf32 || ctx.tf32());
}

/// One implementation of the function that Args describes. `name` is the algorithm's.
template <class Args>
struct Variant {
  std::string_view name;
  DeviceKind device;
  DTypes dtypes;
  bool (*supports)(const Args&, const DeviceInfo&);  // the dtype is already checked against `dtypes`
  void (*run)(const Args&, Context&);
  Traits traits = {};
  /// Where the row can run but is not worth it: false, and select() passes it over. Null: always worth it.
  bool (*pays)(const Args&, const DeviceInfo&) = nullptr;
};

/// `supports` of a row that runs every case of its dtypes.
template <class Args>
bool every_case(const Args&, const DeviceInfo&) {
  return true;
}

/// Rows in order of preference; the last one is the reference.
template <class Args>
using Table = std::span<const Variant<Args>>;

/// Whether the row is for this kind of device and dtype, and supports the case.
template <class Args>
bool can_run(const Variant<Args>& v, const Args& a, const DeviceInfo& device) {
  return v.device == device.kind && v.dtypes.has(a.dtype()) && v.supports(a, device);
}

/// Why a row that the user named does not run `a`, with those that this device has, or that would.
template <class Args>
[[noreturn]] void fail_row(std::string_view name, const Args& a, const DeviceInfo& device) {
  bool known = false;
  std::string all, able;
  for (const Variant<Args>& v : Args::table()) {
    if (v.device != device.kind) continue;
    known = known || v.name == name;
    all += concat(all.empty() ? "" : ", ", v.name);
    if (can_run(v, a, device)) able += concat(able.empty() ? "" : ", ", v.name);
  }
  check(known, "SUMI_KERNEL: ", Args::op, " has no row '", name, "' on this ", name_of(device.kind), "; it has ", all);
  fail("SUMI_KERNEL: ", Args::op, " row '", name, "' cannot run ", a.key(), " ", name_of(a.dtype()), " on this ",
       name_of(device.kind), "; rows that can: ", able);
}

/// The row of that name that can run `a`. Throws Error where there is none, naming those that can.
template <class Args>
const Variant<Args>& find_row(std::string_view name, const Args& a, const DeviceInfo& device) {
  for (const Variant<Args>& v : Args::table())
    if (v.name == name && can_run(v, a, device)) return v;
  fail_row(name, a, device);
}

/// Whether select() takes `v` when it comes to it.
template <class Args>
bool acceptable(const Variant<Args>& v, const Args& a, const Context& ctx) {
  return can_run(v, a, ctx.device()) && allowed(v.traits, ctx) && (!v.pays || v.pays(a, ctx.device()));
}

/// The row forced by name, else the one the autotuner measured fastest for these dims, else the first that can run
/// and pays.
template <class Args>
const Variant<Args>& select(const Args& a, Context& ctx) {
  if (const auto forced = ctx.forced_row(Args::op); !forced.empty()) return find_row(forced, a, ctx.device());
  if (Autotuner* tuner = ctx.autotuner())
    if (const auto tuned = tuned_row(a, ctx, *tuner); !tuned.empty()) return find_row(tuned, a, ctx.device());
  for (const Variant<Args>& v : Args::table())
    if (acceptable(v, a, ctx)) return v;
  fail(Args::op, ": no row for ", a.key(), " ", name_of(a.dtype()), " on this ", name_of(ctx.device().kind));
}

/// Selects and runs; appends a Timing when the context is profiled.
template <class Args>
void run_row(const Args& a, Context& ctx) {
  const Variant<Args>& v = select(a, ctx);
  if (!ctx.profile) return v.run(a, ctx);
  const double seconds = seconds_of(ctx, [&] { v.run(a, ctx); });
  ctx.profile->push_back({Args::op, v.name, a.key(), seconds, a.flops(), a.bytes()});
}

/// The same; errors of memory and of captures name the op.
template <class Args>
void run(const Args& a, Context& ctx) {
  named([&] { return concat(Args::op, ' ', a.key()); }, [&] { run_row(a, ctx); });
}

/// True when running `a` again would not give the same: it reads what it writes.
template <class Args>
bool updates_in_place(const Args& a) {
  Args probe = a;
  const Operands operands = probe.operands();
  for (const Operand& o : operands)
    for (const Operand& other : operands) {
      const bool shared =
          *o.ref && o.role != Role::input && other.role == Role::input && o.ref->data == other.ref->data;
      if (o.role == Role::inout || shared) return true;
    }
  return false;
}

/// How many seconds a row's call may take for the row to be timed on, given the best row's: a hopeless one (a ladder's
/// first rung) would cost more than all others. The floor is above what else the machine does meanwhile.
inline double hopeless_seconds(double best) { return std::max(4 * best, 5e-3); }

/// The fastest allowed row for these dims: from the cache, unless that names one which is no more or not allowed, or
/// timed now on the caller's own data. "" where rows cannot be timed because they update their operands in place, or
/// where there is no choice.
template <class Args>
std::string tuned_row(const Args& a, Context& ctx, Autotuner& tuner) {
  const std::string key = concat(Args::op, ' ', a.key(), ' ', name_of(a.dtype()), ctx.tf32() ? " tf32" : "",
                                 ctx.deterministic() ? "" : " unordered", " t", ctx.threads());
  if (const auto known = tuner.find(key))
    for (const Variant<Args>& v : Args::table())
      if (known->empty() || (v.name == *known && can_run(v, a, ctx.device()) && allowed(v.traits, ctx))) return *known;
  if (updates_in_place(a)) return "";
  std::string best;
  double best_seconds = std::numeric_limits<double>::infinity();
  for (const Variant<Args>& v : Args::table()) {
    if (v.name == "reference" || !can_run(v, a, ctx.device()) || !allowed(v.traits, ctx)) continue;
    v.run(a, ctx);
    const double t = seconds_per_call(
        ctx, [&] { v.run(a, ctx); }, hopeless_seconds(best_seconds));
    if (best.empty() || t < best_seconds) best = v.name, best_seconds = t;
  }
  tuner.store(key, best);
  return best;
}

}  // namespace sumi
