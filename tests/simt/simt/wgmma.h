// kernels/device/wgmma.h, emulated. A product reads its tiles when the first warp waits for it: the latest moment. Its
// sums hold poison until the thread's own warp has waited; touching them meanwhile is an error.
#pragma once
#include <simt/hopper.h>

namespace simt {

/// One wgmma, without what differs between threads.
struct ProductShape {
  int columns;
  bool rows_major_a, rows_major_b;  // Major::mn
  float (*value)(unsigned bits, int high);
};
void fence_products(const Site& s);
void issue_product(float* d, std::uint64_t a, std::uint64_t b, bool add, const ProductShape& shape, const Site& s,
                   const void* pc);
void commit_products(const Site& s);
void wait_for_products(int open, const Site& s);

}  // namespace simt

namespace sumi {

template <int Count>
void fence_products(float (&)[Count], SIMT_HERE) {
  simt::fence_products(simt::site_of(here));
}

template <class T, Major MA, Major MB, int Count>
[[gnu::noinline]] void multiply_async(float (&d)[Count], std::uint64_t a, std::uint64_t b, bool add, SIMT_HERE) {
  static_assert(Count == 32 || Count == 64 || Count == 128);
  static constexpr simt::ProductShape shape{2 * Count, MA == Major::mn, MB == Major::mn, simt::element<T>};
  simt::issue_product(d, a, b, add, shape, simt::site_of(here), __builtin_return_address(0));
}

inline void commit_products(SIMT_HERE) { simt::commit_products(simt::site_of(here)); }

template <int Open, int Count>
void wait_for_products(float (&)[Count], SIMT_HERE) {
  simt::wait_for_products(Open, simt::site_of(here));
}

}  // namespace sumi
