// Fragments, matrix loads and asynchronous copies against closed forms of the PTX ISA.
#include "kernels/device/intrin.h"

#include <gtest/gtest.h>

#include <vector>

#include "kernels/device/runtime.h"
#include "tests/simt/simt/memory.h"

namespace sumi::test {
namespace {

/// Memory of the emulated GPU that the host can look at between launches.
template <class T>
struct OnDevice {
  explicit OnDevice(std::size_t n) : data(static_cast<T*>(simt::arena().allocate(n * sizeof(T)))) {}
  ~OnDevice() { simt::arena().release(data); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  T* data;
};

void run(void (*kernel)(const unsigned short*, float*), const unsigned short* in, float* out, unsigned threads = 32) {
  launch(kernel, {1, threads}, in, out);
  device::synchronize(nullptr);
}

constexpr int kN = 8;
int small(int i, int j) { return (i * 5 + j * 3) % 7 - 3; }

/// Fragments filled by the closed form; D must be A B with A[m][k] = small(m, k), B[k][n] = small(k + 1, n), plus 1.
template <class T>
void product_k16(const unsigned short*, float* out) {
  const int g = static_cast<int>(threadIdx.x / 4), q = static_cast<int>(threadIdx.x % 4);
  const auto pair = [](int low, int high) {
    const T v[2] = {T(static_cast<float>(low)), T(static_cast<float>(high))};
    unsigned r;
    std::memcpy(&r, v, sizeof r);
    return r;
  };
  unsigned a[4], b[2];
  for (int i = 0; i < 4; i++) {
    const int m = g + 8 * (i & 1), k = 2 * q + 8 * (i >> 1);
    a[i] = pair(small(m, k), small(m, k + 1));
  }
  for (int i = 0; i < 2; i++) b[i] = pair(small(2 * q + 8 * i + 1, g), small(2 * q + 8 * i + 2, g));
  float d[4] = {1, 1, 1, 1};
  multiply_m16n8k16<T>(d, a, b);
  for (int i = 0; i < 4; i++) out[(g + 8 * (i >> 1)) * kN + 2 * q + (i & 1)] = d[i];
}

void product_k8(const unsigned short*, float* out) {
  const int g = static_cast<int>(threadIdx.x / 4), q = static_cast<int>(threadIdx.x % 4);
  unsigned a[4], b[2];
  for (int i = 0; i < 4; i++) a[i] = to_tf32(static_cast<float>(small(g + 8 * (i & 1), q + 4 * (i >> 1))));
  for (int i = 0; i < 2; i++) b[i] = to_tf32(static_cast<float>(small(q + 4 * i + 1, g)));
  float d[4] = {1, 1, 1, 1};
  multiply_m16n8k8_tf32(d, a, b);
  for (int i = 0; i < 4; i++) out[(g + 8 * (i >> 1)) * kN + 2 * q + (i & 1)] = d[i];
}

void expect_product(const float* d, int depth) {
  for (int m = 0; m < 16; m++)
    for (int n = 0; n < kN; n++) {
      int sum = 1;
      for (int k = 0; k < depth; k++) sum += small(m, k) * small(k + 1, n);
      EXPECT_EQ(d[m * kN + n], static_cast<float>(sum)) << m << ' ' << n;
    }
}

TEST(Intrin, ProductFragments) {
  OnDevice<float> out(128);
  run(product_k16<__half>, nullptr, out.data);
  expect_product(out.data, 16);
  run(product_k16<__nv_bfloat16>, nullptr, out.data);
  expect_product(out.data, 16);
  run(product_k8, nullptr, out.data);
  expect_product(out.data, 8);
}

TEST(Intrin, Tf32RoundsTiesAway) {
  EXPECT_EQ(to_tf32(1 + 0x1p-11f), std::bit_cast<unsigned>(1 + 0x1p-10f));
  EXPECT_EQ(to_tf32(1 + 0x1p-12f), std::bit_cast<unsigned>(1.f));
  EXPECT_EQ(to_tf32(-1 - 0x1p-11f), std::bit_cast<unsigned>(-1 - 0x1p-10f));
}

/// 32 rows of 8 elements in shared memory, element = 16 row + column; what lanes get, as floats.
void matrices(const unsigned short* in, float* out) {
  auto* s = dyn_smem<unsigned short>();
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, q = lane % 4;
  for (int i = 0; i < 8; i++) s[lane * 8 + i] = in[lane * 8 + i];
  __syncthreads();
  unsigned plain[4], two[2], transposed[4];
  load_matrices_x4(plain, s + lane * 8);
  load_matrices_x2(two, s + lane % 16 * 8);
  load_matrices_x4_transposed(transposed, s + lane * 8);
  int wrong = 0;
  for (int i = 0; i < 4; i++)
    for (int h = 0; h < 2; h++) {
      const auto half = [h](unsigned r) { return static_cast<int>(h ? r >> 16 : r & 0xffffu); };
      const int row = i * 8 + g, column = 2 * q + h;
      wrong += half(plain[i]) != 16 * row + column;
      if (i < 2) wrong += half(two[i]) != 16 * row + column;
      wrong += half(transposed[i]) != 16 * (i * 8 + column) + g;
    }
  out[lane] = static_cast<float>(wrong);
}

TEST(Intrin, MatrixFragments) {
  if (simt::observer()) GTEST_SKIP() << "the race checker does not see this file's own stores";
  OnDevice<unsigned short> in(256);
  OnDevice<float> out(32);
  for (int i = 0; i < 256; i++) in.data[i] = static_cast<unsigned short>(i / 8 * 16 + i % 8);
  launch(matrices, {1, 32, 512}, in.data, out.data);
  device::synchronize(nullptr);
  for (int i = 0; i < 32; i++) EXPECT_EQ(out.data[i], 0) << "lane " << i;
}

/// Two groups a thread, 16 bytes each, the second absent in odd threads; out: sums before and after each wait.
void copies(const float* in, float* out) {
  auto* s = dyn_smem<float>() + threadIdx.x * 8;
  copy_async<16>(s, in + threadIdx.x * 4, true);
  commit_copies();
  copy_async<16>(s + 4, in + threadIdx.x * 4, threadIdx.x % 2 == 0);
  commit_copies();
  float* o = out + threadIdx.x * 4;
  o[0] = s[0];
  wait_for_copies<1>();
  o[1] = s[0] + s[3];
  o[2] = s[4];
  wait_for_copies<0>();
  o[3] = s[4] + s[7];
}

TEST(Intrin, CopiesLandAtTheirWaitAndNoSooner) {
  if (simt::observer()) GTEST_SKIP() << "the race checker does not see this file's own stores";
  OnDevice<float> in(128), out(128);
  for (int i = 0; i < 128; i++) in.data[i] = static_cast<float>(i);
  launch(copies, {1, 32, 1024}, in.data, out.data);
  device::synchronize(nullptr);
  for (int t = 0; t < 32; t++) {
    const float* o = out.data + t * 4;
    EXPECT_TRUE(std::isnan(o[0]) && std::isnan(o[2]));
    EXPECT_EQ(o[1], static_cast<float>(8 * t + 3));
    EXPECT_EQ(o[3], t % 2 ? 0.f : static_cast<float>(8 * t + 3));
  }
}

std::string failure_of(void (*kernel)(const float*, float*), unsigned threads) {
  OnDevice<float> in(256), out(256);
  launch(kernel, {1, threads, 1024}, in.data, out.data);
  try {
    device::synchronize(nullptr);
  } catch (const std::exception& e) {
    return e.what();
  }
  return "";
}

TEST(Intrin, MisuseIsReported) {
  EXPECT_NE(failure_of([](const float* in, float*) { copy_async<16>(dyn_smem<float>(), in + 1, true); }, 1)
                .find("the source is not aligned to 16 bytes"),
            std::string::npos);
  EXPECT_NE(failure_of([](const float* in, float*) { copy_async<8>(dyn_smem<float>() + 1, in, true); }, 1)
                .find("the destination is not aligned to 8 bytes"),
            std::string::npos);
  EXPECT_NE(failure_of([](const float* in, float* out) { copy_async<4>(out, in, true); }, 1).find("not shared memory"),
            std::string::npos);
  EXPECT_NE(failure_of(
                [](const float*, float* out) {
                  unsigned a[4] = {}, b[2] = {};
                  float d[4] = {};
                  multiply_m16n8k16<__half>(d, a, b);
                  out[threadIdx.x] = d[0];
                },
                16)
                .find("lanes of the warp are missing"),
            std::string::npos);
}

}  // namespace
}  // namespace sumi::test
