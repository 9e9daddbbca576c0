// The second oracle: every row of a table against the reference in double, on every awkward case and claimed dtype.
// Operands stand between guard zones, outputs start as NaN. A new row or case is tested without writing anything here.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "kernels/core/case.h"
#include "kernels/core/environment.h"
#include "kernels/core/variant.h"
#include "kernels/device/runtime.h"

namespace sumi::test {

/// One operand's memory: 256 guard bytes, the elements, 256 guard bytes.
class GuardedBuffer {
 public:
  GuardedBuffer(std::int64_t count, DType dtype)
      : count_(count), dtype_(dtype), bytes_(kGuard * 2 + static_cast<std::size_t>(count) * size_of(dtype), kPattern) {}
  void* data() { return bytes_.data() + kGuard; }
  void store(std::int64_t i, double v) {
    if (dtype_ == DType::u8) {
      static_cast<std::uint8_t*>(data())[i] = static_cast<std::uint8_t>(std::lround(v));
      return;
    }
    visit_float(dtype_, [&](auto t) {
      using T = decltype(t);
      if constexpr (sizeof(T) >= 4)
        static_cast<T*>(data())[i] = static_cast<T>(v);
      else
        static_cast<T*>(data())[i] = T(static_cast<float>(v));
    });
  }
  double load(std::int64_t i) {
    if (dtype_ == DType::u8) return static_cast<std::uint8_t*>(data())[i];
    return visit_float(dtype_, [&](auto t) { return static_cast<double>(static_cast<decltype(t)*>(data())[i]); });
  }
  std::int64_t count() const { return count_; }
  DType dtype() const { return dtype_; }
  /// The elements with their guards.
  std::vector<unsigned char>& bytes() { return bytes_; }
  static constexpr std::size_t kGuard = 256;
  bool guards_intact() const {
    for (std::size_t i = 0; i < kGuard; i++)
      if (bytes_[i] != kPattern || bytes_[bytes_.size() - 1 - i] != kPattern) return false;
    return true;
  }
  friend bool operator==(const GuardedBuffer& a, const GuardedBuffer& b) { return a.bytes_ == b.bytes_; }

 private:
  static constexpr unsigned char kPattern = 0xA5;
  std::int64_t count_;
  DType dtype_;
  std::vector<unsigned char> bytes_;  // malloc's 16-byte alignment: rows must not assume more
};

/// How rows of a GPU are run: an emulated one has no guards, because it sees every access itself, and several
/// schedules.
struct DeviceRig {
  bool guards = true;
  int runs = 2;
  void (*schedule)(int run) = nullptr;
};
inline DeviceRig& device_rig() {
  static DeviceRig rig;
  return rig;
}

enum class Data { gaussian, integers, magnitudes };

inline double sample(std::mt19937& rng, Fill fill, Data data) {
  if (fill == Fill::whole) return static_cast<double>(std::uniform_int_distribution<int>(0, 1 << 20)(rng));
  if (data == Data::integers) return static_cast<double>(std::uniform_int_distribution<int>(-2, 2)(rng));
  const double g = std::normal_distribution<double>()(rng);
  if (fill == Fill::positive) return std::abs(g) + 0.1;
  if (fill == Fill::unit) return std::uniform_real_distribution<double>(0.01, 0.99)(rng);
  return data == Data::magnitudes ? std::abs(g) : g;
}

/// A case's arguments with memory behind every operand.
template <class Args>
struct Bound {
  Args args;
  std::vector<GuardedBuffer> buffers;
  std::vector<Operand> operands;

  /// `like`: take the input values from it (rounded as they are there) instead of drawing new ones.
  Bound(const Case<Args>& c, DType dtype, Data data, Bound* like = nullptr, bool absolute = false) : args(c.args) {
    std::mt19937 rng(7);
    operands = args.operands();
    buffers.reserve(operands.size());
    for (std::size_t i = 0; i < operands.size(); i++) {
      Operand& o = operands[i];
      const bool absent = c.leaves_out(o);
      const DType own = o.ref->dtype != DType::f32 && !o.param && dtype != DType::f64 ? o.ref->dtype : dtype;
      buffers.emplace_back(absent ? 0 : o.count, o.param ? param_dtype(dtype) : own);
      GuardedBuffer& b = buffers.back();
      *o.ref = absent ? TensorRef{} : TensorRef{b.data(), b.dtype()};
      for (std::int64_t k = 0; k < b.count(); k++) {
        double v = like ? like->buffers[i].load(k) : sample(rng, o.fill, data);
        if (b.dtype() == DType::u8 && !like) v = static_cast<double>(std::lround(std::abs(v) * 60.0) & 255);
        if (o.role == Role::output) v = std::numeric_limits<double>::quiet_NaN();
        if (b.dtype() != DType::u8 || o.role != Role::output) b.store(k, absolute ? std::abs(v) : v);
      }
    }
  }
};

template <class Args>
const Variant<Args>& reference_row() {
  return Args::table().back();
}

/// The rows that take host memory: what closed-form tests walk.
template <class Args>
std::vector<Variant<Args>> cpu_rows() {
  std::vector<Variant<Args>> rows;
  for (const Variant<Args>& v : Args::table())
    if (v.device == DeviceKind::cpu) rows.push_back(v);
  return rows;
}

inline double unit_roundoff(DType t) {
  switch (t) {
    case DType::f64:
      return 0x1p-53;
    case DType::f16:
      return 0x1p-11;
    case DType::bf16:
      return 0x1p-8;
    default:
      return 0x1p-24;
  }
}

/// v as the dtype stores it.
inline double rounded(double v, DType t) {
  GuardedBuffer b(1, t);
  b.store(0, v);
  return b.load(0);
}

template <class Args>
double reduction_of(const Args& a) {
  if constexpr (requires { a.reduction(); }) return std::max(1.0, a.reduction());
  return 1;
}

template <class Args>
constexpr bool is_linear() {
  if constexpr (requires { Args::linear; }) return Args::linear;
  return false;
}

/// |y - ref| <= u_out |ref| + 4 sqrt(K) u_acc A, with A = sum |a b| taken from a reference run on magnitudes for linear
/// ops (largest over the operand), and 1 + max |ref| otherwise; times the row's error factor. tf32 rounds both factors
/// of a product to 11 bits: at most (1 + 2^-11)^2 - 1 of each |a b|, whatever their number.
template <class Args>
void compare(const Variant<Args>& row, Bound<Args>& got, Bound<Args>& want, Bound<Args>* magnitude, bool exact) {
  for (std::size_t i = 0; i < got.operands.size(); i++) {
    const Operand& o = got.operands[i];
    EXPECT_TRUE(got.buffers[i].guards_intact()) << o.name << ": written outside its bounds";
    if (o.role == Role::input || got.buffers[i].count() == 0) continue;
    GuardedBuffer &g = got.buffers[i], &w = want.buffers[i];
    double largest = 0, scale = 0;
    for (std::int64_t k = 0; k < w.count(); k++) {
      largest = std::max(largest, std::abs(w.load(k)));
      if (magnitude) scale = std::max(scale, std::abs(magnitude->buffers[i].load(k)));
    }
    if (!magnitude) scale = 1 + largest;
    // A variance loses the digits of the second moment: var + mean^2, mean standing just before var.
    if (magnitude && o.name == "var") {
      double mean = 0;
      for (std::int64_t k = 0; k < w.count(); k++) mean = std::max(mean, std::abs(magnitude->buffers[i - 1].load(k)));
      scale += mean * mean;
    }
    // Statistics of a result also see its rounding to the storage dtype, twice in the variance.
    const double reduction = reduction_of(got.args) * (o.param ? 4 : 1);
    double rounding = (o.param ? 2 : 0) + row.traits.term_roundings;
    rounding *= unit_roundoff(got.args.dtype()) * scale;
    // A prologue's result may be rounded to the storage dtype, which the products take: one rounding a term.
    if constexpr (requires { got.args.prologue; })
      if (got.args.prologue) rounding += unit_roundoff(got.args.dtype()) * scale;
    if (row.traits.tf32) rounding += (o.param ? 4 : 1) * 2.001 * 0x1p-11 * scale;
    bool any = false;
    for (std::int64_t k = 0; k < w.count(); k++) {
      const double a = g.load(k), e = exact && !o.param ? rounded(w.load(k), g.dtype()) : w.load(k);
      any |= a != 0;
      const double bound = exact && !o.param ? 0
                                             : unit_roundoff(g.dtype()) * 1.01 * std::abs(e) + rounding +
                                                   4 * std::sqrt(reduction) * 0x1p-24 * row.traits.error_factor * scale;
      const bool same = a == e || (std::isnan(a) && std::isnan(e)) || std::abs(a - e) <= bound;
      if (g.dtype() == DType::u8 && std::abs(a - e) <= 1 && !exact) continue;
      ASSERT_TRUE(same) << o.name << '[' << k << "]: got " << a << ", reference " << e << ", bound " << bound;
    }
    EXPECT_TRUE(any || largest == 0) << o.name << ": all zero";
  }
}

template <class Args>
void run_reference(Bound<Args>& b) {
  Context ctx(ContextOptions{.threads = 1, .forced_rows = "none:none"});
  reference_row<Args>().run(b.args, ctx);
}

/// Runs the row on its device: operands go there, guards and all, and come back.
template <class Args>
void run_on_device(const Variant<Args>& row, Bound<Args>& b, Context& ctx) {
  if (row.device == DeviceKind::cpu) return row.run(b.args, ctx);
  const std::size_t guard = device_rig().guards ? GuardedBuffer::kGuard : 0;
  const auto host = [&](std::size_t i) { return b.buffers[i].bytes().data() + GuardedBuffer::kGuard - guard; };
  const auto size = [&](std::size_t i) { return b.buffers[i].bytes().size() - 2 * (GuardedBuffer::kGuard - guard); };
  Args a = b.args;
  Operands operands = a.operands();
  std::vector<Scratch> blocks;
  for (std::size_t i = 0; i < operands.size(); i++) {
    blocks.push_back(ctx.scratch(size(i)));
    if (!*operands[i].ref) continue;
    ctx.upload(blocks[i].as<void>(), host(i), size(i));
    operands[i].ref->data = blocks[i].as<char>() + guard;
  }
  row.run(a, ctx);
  for (std::size_t i = 0; i < operands.size(); i++)
    if (*operands[i].ref) device::copy_to_host(host(i), blocks[i].as<void>(), size(i), ctx.stream());
}

/// The first run decides the result; the others must give the same bits: with another number of threads, or, on an
/// emulated GPU, another order of its threads.
template <class Args>
void run_all(const Variant<Args>& row, const Case<Args>& c, DType dtype, Data data, Bound<Args>& got) {
  Bound<Args> untouched(c, dtype, data, &got);
  // Exact data is right or wrong in any order: one of a GPU's is enough, and not its plainest.
  const bool once = data == Data::integers && row.device == DeviceKind::cuda;
  const int runs = row.device == DeviceKind::cpu ? 2 : once ? 1 : device_rig().runs;
  for (int i = 0; i < runs; i++) {
    if (device_rig().schedule) device_rig().schedule(once ? 2 : i);
    Context ctx(ContextOptions{.device = row.device, .threads = 2 + i, .forced_rows = "none:none"});
    Bound<Args> again(c, dtype, data, &untouched);
    Bound<Args>& b = i == 0 ? got : again;
    run_on_device(row, b, ctx);
    if (i == 0 || !row.traits.deterministic) continue;
    for (std::size_t k = 0; k < got.buffers.size(); k++)
      EXPECT_TRUE(got.buffers[k] == again.buffers[k]) << got.operands[k].name << " depends on the "
                                                      << (row.device == DeviceKind::cpu ? "thread count" : "schedule");
  }
}

/// Whether the row takes the case here. On a GPU it is asked with the alignment that operands have there.
template <class Args>
bool runs_here(const Variant<Args>& row, Args a) {
  if (row.device == DeviceKind::cpu) return can_run(row, a, cpu_info(2));
  for (const Operand& o : a.operands())
    if (*o.ref) o.ref->data = reinterpret_cast<void*>(std::uintptr_t{4096});
  return can_run(row, a, device::info());
}

template <class Args>
void check_row(const Variant<Args>& row, const Case<Args>& c, DType dtype, Data data) {
  Bound<Args> got(c, dtype, data), want(c, DType::f64, data, &got);
  if (!runs_here(row, got.args)) GTEST_SKIP() << "row does not support this case here";
  run_all(row, c, dtype, data, got);
  run_reference(want);
  if constexpr (is_linear<Args>()) {
    Case<Args> plain = c;
    if constexpr (requires { plain.args.linearise(); }) plain.args.linearise();
    Bound<Args> magnitude(plain, DType::f64, data, &want, true);
    run_reference(magnitude);
    compare(row, got, want, &magnitude, data == Data::integers);
  } else {
    compare<Args>(row, got, want, nullptr, data == Data::integers);
  }
}

/// Integer data makes every partial sum exact, so any order of summation gives the same bits. Some ops always do.
template <class Args>
bool exact_case(const Variant<Args>& row, const Case<Args>& c) {
  if constexpr (requires { Args::same_bits; }) return Args::same_bits;
  if (!is_linear<Args>() || row.traits.error_factor != 1 || row.traits.term_roundings != 0) return false;
  if constexpr (requires { c.args.exact(); }) return c.args.exact();
  return is_linear<Args>();
}

inline std::string test_name(std::string text) {
  for (char& ch : text)
    if (!std::isalnum(static_cast<unsigned char>(ch))) ch = '_';
  return text;
}

/// Names in the file SUMI_TESTS_DONE, a line each: what an earlier run that did not reach its end has done.
inline const std::set<std::string>& tests_done() {
  static const std::set<std::string> names = [] {
    std::set<std::string> read;
    std::ifstream in(environment("SUMI_TESTS_DONE"));
    for (std::string line; std::getline(in, line);) read.insert(line);
    return read;
  }();
  return names;
}

struct RowTest : testing::Test {
  explicit RowTest(std::function<void()> f) : body(std::move(f)) {}
  void TestBody() override {
    const testing::TestInfo& t = *testing::UnitTest::GetInstance()->current_test_info();
    if (tests_done().contains(concat(t.test_suite_name(), '.', t.name()))) GTEST_SKIP() << "done before";
    body();
  }
  std::function<void()> body;
};

/// Registers row x case x dtype (x exact integers) as tests named op/row.case_dtype: a device's rows.
template <class... Args>
bool register_rows_of(DeviceKind device) {
  const auto one = [device]<class A>(std::type_identity<A>) {
    int number = 0;
    for (const Case<A>& c : Cases<A>::awkward()) {
      number++;
      for (const Variant<A>& row : A::table())
        for (const DType t : {DType::f32, DType::bf16, DType::f16}) {
          if (row.device != device || !row.dtypes.has(t)) continue;
          const auto add = [&](Data data, std::string_view suffix) {
            const std::string suite = concat(A::op, '/', row.name, device == DeviceKind::cpu ? "" : "_cuda");
            const std::string name = test_name(concat(number, '_', c.args.key(), '_', name_of(t), suffix));
            testing::RegisterTest(
                suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                [=, r = &row]() -> testing::Test* { return new RowTest([=] { check_row(*r, c, t, data); }); });
          };
          add(Data::gaussian, "");
          if (exact_case(row, c)) add(Data::integers, "_exact");
        }
    }
  };
  (one(std::type_identity<Args>{}), ...);
  return true;
}

/// The CPU's rows, and a GPU's where there is one.
template <class... Args>
bool register_row_tests() {
  register_rows_of<Args...>(DeviceKind::cpu);
  if (device::availability().count > 0) register_rows_of<Args...>(DeviceKind::cuda);
  return true;
}

}  // namespace sumi::test
