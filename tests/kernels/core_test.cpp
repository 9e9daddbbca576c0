// Memory, threads, row selection and the autotuner's file.
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "kernels/core/autotune.h"
#include "kernels/core/extents.h"
#include "kernels/core/parallel.h"
#include "kernels/map/map.h"
#include "tests/kernels/rows.h"
#include "tests/message_of.h"

namespace sumi::test {
namespace {

/// Sets a variable of the environment for a scope.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old, had_ = true;
    setenv(name, value.c_str(), 1);
  }
  ~Environment() { had_ ? setenv(name_, old_.c_str(), 1) : unsetenv(name_); }

 private:
  const char* name_;
  std::string old_;
  bool had_ = false;
};

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kReuse = false;  // every block is its own, so that a use after release is seen
#else
constexpr bool kReuse = true;
#endif

TEST(MemoryPool, AlignsAndCounts) {
  MemoryPool pool;
  void* small = pool.allocate(100);
  void* large = pool.allocate(3 << 20);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(small) % 64, 0u);
  if (kReuse) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(large) % (2 << 20), 0u);
  }
  EXPECT_GE(pool.bytes_in_use(), 100u + (3u << 20));
  const std::size_t peak = pool.peak_bytes();
  EXPECT_EQ(peak, pool.bytes_in_use());
  pool.release(large);
  EXPECT_LT(pool.bytes_in_use(), 3u << 20);
  EXPECT_EQ(pool.peak_bytes(), peak);
  pool.reset_peak();
  EXPECT_EQ(pool.peak_bytes(), pool.bytes_in_use());
  pool.release(small);
  EXPECT_EQ(pool.bytes_in_use(), 0u);
}

TEST(MemoryPool, ReusesBlocksOfTheSameSize) {
  if (!kReuse) GTEST_SKIP() << "blocks are not reused under AddressSanitizer";
  MemoryPool pool;
  for (const std::size_t bytes : {100u, 100u << 10, 3u << 20}) {
    void* first = pool.allocate(bytes);
    pool.release(first);
    EXPECT_EQ(pool.allocate(bytes - 10), first) << bytes;
    EXPECT_NE(pool.allocate(bytes), first) << bytes;
  }
}

TEST(MemoryPool, FreeNeighboursAreOneBlock) {
  if (!kReuse) GTEST_SKIP() << "blocks are not reused under AddressSanitizer";
  MemoryPool pool;
  constexpr std::size_t kBlock = 40u << 20;  // more than an arena grows by at least
  void *a = pool.allocate(kBlock), *b = pool.allocate(kBlock), *c = pool.allocate(kBlock);
  pool.release(a);
  pool.release(c);
  pool.release(b);
  EXPECT_EQ(pool.allocate(3 * kBlock), a);
  EXPECT_EQ(pool.bytes_held(), 3 * kBlock);
  pool.release(a);
  EXPECT_EQ(pool.allocate(4 * kBlock), a) << "grows where it is";
}

TEST(MemoryPool, LastingBlocksLieApart) {
  if (!kReuse) GTEST_SKIP() << "blocks are not reused under AddressSanitizer";
  MemoryPool pool;
  void* passing = pool.allocate(3 << 20);
  pool.release(passing);
  void* lasting = pool.allocate_lasting(3 << 20);
  EXPECT_NE(lasting, passing);
  EXPECT_EQ(pool.allocate(3 << 20), passing);
  pool.release(lasting);
  EXPECT_EQ(pool.allocate_lasting(3 << 20), lasting);
}

TEST(MemoryPool, TrimGivesAllUnusedBack) {
  MemoryPool pool;
  void *small = pool.allocate(100), *large = pool.allocate(50 << 20), *packed = pool.allocate_lasting(2 << 20);
  pool.release(small);
  pool.release(large);
  pool.release(packed);
  pool.trim();
  EXPECT_EQ(pool.bytes_held(), 0u);
  auto* again = static_cast<char*>(pool.allocate(50 << 20));
  std::fill_n(again, 50 << 20, char{1});
  EXPECT_GE(pool.bytes_held(), 50u << 20);
}

/// Blocks of every size come and go in a fixed disorder: none overlap, and little is held beyond the most in use.
TEST(MemoryPool, HoldsLittleMoreThanTheMostInUse) {
  if (!kReuse) GTEST_SKIP() << "blocks are not reused under AddressSanitizer";
  MemoryPool pool;
  std::vector<std::pair<char*, std::size_t>> blocks;
  std::uint32_t state = 1;
  const auto draw = [&](std::uint32_t n) { return (state = state * 1664525u + 1013904223u) / 65536u % n; };
  for (int i = 0; i < 3000; i++) {
    if (blocks.size() > 20) {
      const std::size_t at = draw(static_cast<std::uint32_t>(blocks.size()));
      const auto [p, bytes] = blocks[at];
      const char tag = p[0];
      ASSERT_EQ(p[bytes - 1], tag);
      pool.release(p);
      blocks[at] = blocks.back();
      blocks.pop_back();
    }
    const std::size_t bytes = (1u << 20) + draw(16000) * 1000;
    auto* p = static_cast<char*>(pool.allocate(bytes));
    for (const auto& [other, size] : blocks) ASSERT_TRUE(p + bytes <= other || other + size <= p);
    p[0] = p[bytes - 1] = static_cast<char>(i % 100);
    blocks.emplace_back(p, bytes);
  }
  EXPECT_LT(static_cast<double>(pool.bytes_held()), 1.6 * static_cast<double>(pool.peak_bytes()));
}

TEST(MemoryPool, ImpossibleSizeIsAnError) {
  if (!kReuse) GTEST_SKIP() << "AddressSanitizer ends the program at such a size";
  MemoryPool pool;
  EXPECT_TRUE(contains(message_of([&] { pool.allocate(std::size_t{1} << 60); }), "out of memory"));
}

TEST(ParallelFor, CoversEachIndexOnceAtMultiplesOfTheGrain) {
  Context ctx(ContextOptions{.threads = 3});
  std::vector<std::atomic<int>> seen(1003);
  parallel_for(ctx, 1003, 10, [&](std::int64_t begin, std::int64_t end) {
    EXPECT_EQ(begin % 10, 0);
    for (std::int64_t i = begin; i < end; i++) seen[static_cast<std::size_t>(i)]++;
  });
  for (const auto& s : seen) EXPECT_EQ(s, 1);
  parallel_for(ctx, 0, 1, [](std::int64_t, std::int64_t) { FAIL() << "called for nothing"; });
}

TEST(ParallelFor, RethrowsOnTheCallingThread) {
  Context ctx(ContextOptions{.threads = 2});
  const auto text = message_of(
      [&] { parallel_for(ctx, 100, 1, [](std::int64_t begin, std::int64_t) { fail("range at ", begin); }); });
  EXPECT_TRUE(contains(text, "range at ")) << text;
}

TEST(Selection, EnvironmentForcesARow) {
  const Environment forced("SUMI_KERNEL", "map_forward:reference,gemm:blocked");
  Context ctx;
  EXPECT_EQ(ctx.forced_row("gemm"), "blocked");
  EXPECT_EQ(select(MapForward{.n = 1}, ctx).name, "reference");
  EXPECT_NE(select(MapBackward{.n = 1}, ctx).name, "reference");
}

TEST(Selection, ErrorsNameWhatWasExpected) {
  for (const char* bad : {"gemm", ":x", "gemm:", "gemm:a,b"}) {
    const Environment forced("SUMI_KERNEL", bad);
    EXPECT_TRUE(contains(message_of([] { Context ctx; }), "SUMI_KERNEL")) << bad;
  }
  Context ctx;
  ctx.force_row("map_forward", "tabulated");
  const auto unknown = message_of([&] { select(MapForward{.n = 1}, ctx); });
  EXPECT_TRUE(contains(unknown, "no row 'tabulated'") && contains(unknown, "reference")) << unknown;
  EXPECT_TRUE(contains(unknown, "SUMI_KERNEL: map_forward")) << unknown;
  ctx.force_row("map_forward", "vectorized");
  const auto unable = message_of([&] { select(MapForward{.n = 1, .x = {nullptr, DType::f64}}, ctx); });
  EXPECT_TRUE(contains(unable, "cannot run") && contains(unable, "f64")) << unable;
  EXPECT_TRUE(contains(unable, "SUMI_KERNEL") && contains(unable, "rows that can: reference")) << unable;
}

/// What a cached value is worth: whether it is still held.
std::weak_ptr<int> keep(PackCache& cache, const std::string& key, std::uint64_t version) {
  return cache.get<int>("row", key, TensorRef{.id = 7, .version = version}, [] { return std::make_shared<int>(1); });
}

/// An op of three rows that no context may choose without being asked, or that any may.
struct Rounding {
  static constexpr std::string_view op = "rounding";
  static Table<Rounding> table();
  DType dtype() const { return DType::f32; }
  std::string key() const { return "all"; }
  Operands operands() { return {}; }
};
void nothing(const Rounding&, Context&) {}
constexpr Variant<Rounding> kRounding[] = {
    {"tf32", DeviceKind::cpu, kF32, every_case<Rounding>, nothing, {.tf32 = true}},
    {"unordered", DeviceKind::cpu, kF32, every_case<Rounding>, nothing, {.deterministic = false}},
    {"plain", DeviceKind::cpu, kF32, every_case<Rounding>, nothing},
};
Table<Rounding> Rounding::table() { return kRounding; }

TEST(Selection, RowsThatNeedAllowingArePassedOver) {
  const auto chosen = [](const ContextOptions& o) {
    Context ctx(o);
    return std::string(select(Rounding{}, ctx).name);
  };
  EXPECT_EQ(chosen({.forced_rows = "none:none"}), "plain");
  EXPECT_EQ(chosen({.forced_rows = "none:none", .tf32 = true}), "tf32");
  EXPECT_EQ(chosen({.forced_rows = "none:none", .deterministic = false}), "unordered");
  EXPECT_EQ(chosen({.forced_rows = "rounding:tf32"}), "tf32");
}

TEST(PackCache, NewVersionDropsEveryOldValue) {
  PackCache cache;
  const auto small = keep(cache, "64x64", 1), large = keep(cache, "96x96", 1);
  EXPECT_FALSE(small.expired() || large.expired());
  keep(cache, "64x64", 2);
  EXPECT_TRUE(small.expired() && large.expired());
}

TEST(PackCache, ManySizesOfOneWeightDoNotPileUp) {
  PackCache cache;
  std::vector<std::weak_ptr<int>> kept;
  for (int size = 0; size < 1000; size++) kept.push_back(keep(cache, std::to_string(size), 1));
  EXPECT_FALSE(kept.back().expired());
  EXPECT_LE(std::count_if(kept.begin(), kept.end(), [](const auto& p) { return !p.expired(); }), 16);
}

TEST(PackCache, WritingDropsThePacksAtOnce) {
  PackCache cache;
  const auto pack = keep(cache, "64x64", 1);
  EXPECT_FALSE(pack.expired());
  cache.written(7);
  EXPECT_TRUE(pack.expired());
}

/// While capturing: packs of changing storages are made anew, others are taken from the cache and kept; nothing that is
/// made stays in the cache.
TEST(PackCache, ACaptureKeepsWhatItUsesToItself) {
  PackCache cache;
  const auto get = [&](std::uint64_t id) {
    return cache.get<int>("row", "key", TensorRef{.id = id, .version = 1}, [] { return std::make_shared<int>(1); });
  };
  const auto constant = get(1), changing = get(2);
  PackCache::Watch w{.capturing = true, .changing = {2}};
  cache.watch(&w);
  EXPECT_EQ(get(1), constant);
  const auto anew = get(2);
  EXPECT_NE(anew, changing);
  EXPECT_EQ(get(2), anew);
  const auto fresh = get(3);
  cache.watch(nullptr);
  EXPECT_EQ(get(2), changing);
  EXPECT_NE(get(3), fresh);
  ASSERT_EQ(w.constants.size(), 1u);
  EXPECT_EQ(w.made.size(), 2u);
  EXPECT_TRUE(cache.has(w.constants));
  cache.written(1);
  EXPECT_FALSE(cache.has(w.constants));
}

TEST(Extents, AreReusedFirstFitAndMerge) {
  constexpr std::size_t u = Extents::kUnit;
  Extents e;
  const std::size_t a = e.take(3 * u), b = e.take(1), c = e.take(2 * u);
  EXPECT_EQ((std::vector{a, b, c}), (std::vector<std::size_t>{0, 3 * u, 4 * u}));
  e.release(a);
  EXPECT_EQ(e.take(u + 1), 0u);
  e.release(b);
  EXPECT_EQ(e.take(2 * u), 2 * u) << "what a left and b";
  e.release(c);
  EXPECT_EQ(e.take(9 * u), 4 * u) << "grown from the hole at the end";
  EXPECT_EQ(e.size(), 13 * u);
}

struct CacheFolder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / concat("sumi_cache_", getpid());
  Environment variable{"SUMI_CACHE", path.string()};
  ~CacheFolder() { std::filesystem::remove_all(path); }
};

TEST(Autotuner, RemembersAcrossInstances) {
  const CacheFolder folder;
  const DeviceInfo device = cpu_info();
  Autotuner(device).store("gemm M1 f32", "blocked");
  Autotuner(device).store("gemm M1 f32", "onednn");  // the later line counts
  EXPECT_EQ(Autotuner(device).find("gemm M1 f32"), "onednn");
  EXPECT_EQ(Autotuner(device).find("gemm M2 f32"), std::nullopt);
}

TEST(Autotuner, UnreadableFileIsNoError) {
  const CacheFolder folder;
  std::ofstream(folder.path) << "a file where the folder should be";
  Autotuner tuner(cpu_info());
  EXPECT_EQ(tuner.find("gemm"), std::nullopt);
  tuner.store("gemm", "blocked");
  EXPECT_EQ(tuner.find("gemm"), "blocked");
}

TEST(Autotuner, ChoosesARowThatRunsAndKeepsIt) {
  const CacheFolder folder;
  Context ctx(ContextOptions{.forced_rows = "none:none", .autotune = true});
  std::vector<float> x(100, -1.f), y(100);
  MapForward m{.f = Map::relu, .n = 100, .x = {x.data()}, .y = {y.data()}};
  EXPECT_EQ(select(m, ctx).name, "vectorized");
  EXPECT_TRUE(std::filesystem::exists(ctx.autotuner()->path()));
  run(m, ctx);
  EXPECT_EQ(y, std::vector<float>(100, 0.f));
}

TEST(Autotuner, RowThatIsNoMoreIsMeasuredAgain) {
  const CacheFolder folder;
  std::vector<float> x(100, -1.f), y(100);
  MapForward m{.f = Map::relu, .n = 100, .x = {x.data()}, .y = {y.data()}};
  Context ctx(ContextOptions{.threads = 1, .forced_rows = "none:none", .autotune = true});
  const std::string key = concat(MapForward::op, ' ', m.key(), " f32 t1");
  ctx.autotuner()->store(key, "of_an_older_program");
  EXPECT_EQ(select(m, ctx).name, "vectorized");
  EXPECT_EQ(ctx.autotuner()->find(key), "vectorized");
}

/// What was measured where tf32 was allowed does not bring it where it is not.
TEST(Autotuner, Tf32IsRememberedApart) {
  const CacheFolder folder;
  for (const bool tf32 : {false, true}) {
    Context ctx(ContextOptions{.threads = 1, .forced_rows = "none:none", .autotune = true, .tf32 = tf32});
    ctx.autotuner()->store("rounding all f32 tf32 t1", "tf32");
    EXPECT_EQ(select(Rounding{}, ctx).name, tf32 ? "tf32" : "plain");
  }
}

/// Nor does a file that names it all the same.
TEST(Autotuner, RowThatIsNotAllowedIsMeasuredAgain) {
  const CacheFolder folder;
  Context ctx(ContextOptions{.threads = 1, .forced_rows = "none:none", .autotune = true});
  ctx.autotuner()->store("rounding all f32 t1", "tf32");
  EXPECT_EQ(select(Rounding{}, ctx).name, "plain");
}

TEST(Autotuner, AnotherDriverOrLibraryIsMeasuredAnew) {
  const CacheFolder folder;
  DeviceInfo gpu{.kind = DeviceKind::cuda, .name = "H100", .driver = "12.8"};
  const std::string libraries = "CUDA 13.0, cuDNN 9.19.0";
  Autotuner(gpu, libraries).store("gemm M1 f32", "mma");
  EXPECT_EQ(Autotuner(gpu, libraries).find("gemm M1 f32"), "mma");
  EXPECT_EQ(Autotuner(gpu, "CUDA 13.0, cuDNN not found").find("gemm M1 f32"), std::nullopt);
  gpu.driver = "13.0";
  EXPECT_EQ(Autotuner(gpu, libraries).find("gemm M1 f32"), std::nullopt);
}

/// An op whose rows wait, the second only when it is called first, and count their calls.
struct Waiting {
  static constexpr std::string_view op = "waiting";
  static Table<Waiting> table();
  DType dtype() const { return DType::f32; }
  std::string key() const { return "all"; }
  Operands operands() { return {}; }
  int* calls;  // of each row
};
void wait_for(std::chrono::microseconds time) { std::this_thread::sleep_for(time); }
constexpr Variant<Waiting> kWaiting[] = {
    {"steady", DeviceKind::cpu, kF32, every_case<Waiting>,
     [](const Waiting& a, Context&) {
       a.calls[0]++;
       wait_for(std::chrono::microseconds(900));
     }},
    {"slow_at_first", DeviceKind::cpu, kF32, every_case<Waiting>,
     [](const Waiting& a, Context&) {
       if (a.calls[1]++ == 0) wait_for(std::chrono::milliseconds(30));
     }},
    {"hopeless", DeviceKind::cpu, kF32, every_case<Waiting>,
     [](const Waiting& a, Context&) {
       a.calls[2]++;
       wait_for(std::chrono::milliseconds(30));
     }},
};
Table<Waiting> Waiting::table() { return kWaiting; }

/// What a row's first call makes is not its time; one warm call is enough to see that it is hopeless.
TEST(Autotuner, HopelessRowsAreCalledTwice) {
  const CacheFolder folder;
  Context ctx(ContextOptions{.threads = 1, .forced_rows = "none:none", .autotune = true});
  int calls[3] = {};
  EXPECT_EQ(select(Waiting{calls}, ctx).name, "slow_at_first");
  EXPECT_GE(calls[0], 5);
  EXPECT_GE(calls[1], 5);
  EXPECT_EQ(calls[2], 2);
}

/// Timing would run it again and again.
TEST(Autotuner, LeavesCallsInPlaceAlone) {
  std::vector<float> x(100, 1.f);
  Context ctx(ContextOptions{.threads = 1, .forced_rows = "none:none", .autotune = true});
  run(MapForward{.f = Map::shift, .a = 2, .n = 100, .x = {x.data()}, .y = {x.data()}}, ctx);
  EXPECT_EQ(x, std::vector<float>(100, 3.f));
}

/// f16 against its definition by value: sign, 5 bits of exponent, 10 of mantissa.
TEST(HalfExhaustive, ValuesFollowTheFormat) {
  for (std::uint32_t bits = 0; bits < 65536; bits++) {
    Half h;
    h.bits = static_cast<std::uint16_t>(bits);
    const int exponent = static_cast<int>(bits >> 10 & 31u);
    const double mantissa = bits & 1023u, sign = bits & 0x8000u ? -1 : 1;
    const double value = exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24);
    const float got = h;
    if (exponent == 31) {
      ASSERT_TRUE(mantissa != 0 ? std::isnan(got) : std::isinf(got)) << bits;
    } else {
      ASSERT_EQ(got, sign * value) << bits;
    }
    if (!std::isnan(got)) {
      ASSERT_EQ(Half(got).bits, bits);
    }
  }
}

}  // namespace
}  // namespace sumi::test
