// The PTX of kernels/device/intrin.h, emulated: same names, same fragments. An asynchronous copy lands as late as the
// hardware may let it, at the wait that orders it; until then its destination holds poison. Products are summed as
// tensor cores may: the f32 result is cut towards zero.
#pragma once
#include <simt/device.h>

#include <map>

namespace simt {

/// A thread's copies that have not landed, oldest first.
struct PendingCopy {
  void* dst;
  const void* src;
  std::size_t bytes;
  bool present;
  int group;
  const void* pc;  // of the instruction that began it
};
struct CopyQueue {
  std::vector<PendingCopy> copies;
  int groups = 0;  // closed
};

/// The queues of the running block's threads. What a block leaves pending is dropped: nobody may look at it any more.
class CopyQueues {
 public:
  CopyQueues() {
    at_block_begin([] { copy_queues().queues_.clear(); });
  }
  CopyQueue& mine() { return queues_[current_thread()]; }
  static CopyQueues& copy_queues() {
    static CopyQueues all;
    return all;
  }

 private:
  std::map<unsigned, CopyQueue> queues_;
};

inline bool aligned(const void* p, std::size_t bytes) { return reinterpret_cast<std::uintptr_t>(p) % bytes == 0; }

inline bool in_shared(const void* p, std::size_t bytes) {
  const char* c = static_cast<const char*>(p);
  for (const SharedVariable& v : current_shared())
    if (c >= v.data && c + bytes <= v.data + v.bytes) return true;
  return false;
}

inline void begin_copy(void* dst, const void* src, std::size_t bytes, bool present, const void* pc) {
  if (!aligned(dst, bytes)) fail("cp.async: the destination is not aligned to " + std::to_string(bytes) + " bytes");
  if (!aligned(src, bytes)) fail("cp.async: the source is not aligned to " + std::to_string(bytes) + " bytes");
  if (!in_shared(dst, bytes)) fail("cp.async: the destination is not shared memory");
  CopyQueue& q = CopyQueues::copy_queues().mine();
  q.copies.push_back({dst, src, bytes, present, q.groups, pc});
  note_access(dst, bytes, Observer::Access::launched, pc);
  fill_unseen(dst, bytes, options().poison);
}

inline void land(const PendingCopy& c) {
  note_access(c.dst, c.bytes, Observer::Access::landed, c.pc);
  constexpr char zeros[16] = {};
  if (c.present) note_access(c.src, c.bytes, Observer::Access::read, c.pc);
  copy_unseen(c.dst, c.present ? c.src : zeros, c.bytes);
}

inline void land_all_but(int open, const Site& s) {
  if (ignored(s)) return;
  CopyQueue& q = CopyQueues::copy_queues().mine();
  std::size_t n = 0;
  while (n < q.copies.size() && q.copies[n].group < q.groups - open) land(q.copies[n++]);
  q.copies.erase(q.copies.begin(), q.copies.begin() + static_cast<std::ptrdiff_t>(n));
}

inline void need_whole_warp(const Collective& c, const char* what) {
  if (c.arrived != 0xffffffffu) fail(std::string(what) + ": lanes of the warp are missing at " + text_of(c.site));
  if (observer()) observer()->count(what, c.site, 1);
}

struct RowAddress {
  const void* row;
  const void* pc;
};
template <int N>
struct MatrixRegisters {
  unsigned r[N];
};

inline void read_row(std::uint16_t (&row)[8], const RowAddress& a, int lane) {
  if (!aligned(a.row, 16)) fail("ldmatrix: a row is not aligned to 16 bytes (lane " + std::to_string(lane) + ')');
  if (!in_shared(a.row, 16)) fail("ldmatrix: a row is not in shared memory (lane " + std::to_string(lane) + ')');
  note_access(a.row, 16, Observer::Access::read, a.pc,
              static_cast<int>(current_thread() / 32 * 32 + static_cast<unsigned>(lane)));
  copy_unseen(row, a.row, 16);
}

template <int N, bool Transposed>
void run_load_matrices(Collective& c) {
  need_whole_warp(c, "ldmatrix");
  for (int i = 0; i < N; i++) {
    std::uint16_t m[8][8];
    for (int r = 0; r < 8; r++) read_row(m[r], *static_cast<const RowAddress*>(c.in[i * 8 + r]), i * 8 + r);
    for (int l = 0; l < 32; l++) {
      const int g = l / 4, q = l % 4 * 2;
      const unsigned low = Transposed ? m[q][g] : m[g][q], high = Transposed ? m[q + 1][g] : m[g][q + 1];
      static_cast<MatrixRegisters<N>*>(c.out[l])->r[i] = low | high << 16;
    }
  }
}

template <int N, bool Transposed>
void load_matrices(unsigned (&r)[N], const void* row, const Site& s, const void* pc) {
  const auto out =
      collective<MatrixRegisters<N>>(0xffffffffu, s, RowAddress{row, pc}, run_load_matrices<N, Transposed>);
  std::memcpy(r, out.r, sizeof r);
}

struct Fragments {
  unsigned a[4], b[2];
  float d[4];
};
struct Accumulators {
  float d[4];
};

/// Element `high` of a register of two.
template <class T>
float element(unsigned r, int high) {
  const auto bits = static_cast<std::uint16_t>(high ? r >> 16 : r);
  T v;
  std::memcpy(static_cast<void*>(&v), &bits, sizeof bits);
  return static_cast<float>(v);
}

/// A sum as f32, cut towards zero.
inline float cut(double s) {
  const float f = static_cast<float>(s);
  return std::isfinite(f) && std::abs(static_cast<double>(f)) > std::abs(s) ? std::nextafter(f, 0.f) : f;
}

/// D += A B with 16 x 8 results; A[m][k] and B[k][n] are gathered by the caller.
template <int K>
void finish_product(Collective& c, const float (&a)[16][K], const float (&b)[K][8]) {
  for (int l = 0; l < 32; l++)
    for (int i = 0; i < 4; i++) {
      const int m = l / 4 + i / 2 * 8, n = l % 4 * 2 + i % 2;
      double s = static_cast<const Fragments*>(c.in[l])->d[i];
      for (int k = 0; k < K; k++) s += static_cast<double>(a[m][k]) * static_cast<double>(b[k][n]);
      static_cast<Accumulators*>(c.out[l])->d[i] = cut(s);
    }
}

inline void count_flop(const Collective& c, std::uint64_t flop) {
  if (observer()) observer()->count("FLOP of mma", c.site, flop);
}

template <class T>
void run_multiply_k16(Collective& c) {
  need_whole_warp(c, "mma");
  count_flop(c, 2 * 16 * 8 * 16);
  float a[16][16], b[16][8];
  for (int l = 0; l < 32; l++) {
    const Fragments& f = *static_cast<const Fragments*>(c.in[l]);
    for (int h = 0; h < 2; h++) {
      for (int i = 0; i < 4; i++) a[l / 4 + (i & 1) * 8][l % 4 * 2 + (i >> 1) * 8 + h] = element<T>(f.a[i], h);
      for (int i = 0; i < 2; i++) b[l % 4 * 2 + i * 8 + h][l / 4] = element<T>(f.b[i], h);
    }
  }
  finish_product(c, a, b);
}

/// tf32 hardware ignores the low 13 bits.
inline float as_tf32(unsigned bits) { return std::bit_cast<float>(bits & 0xffffe000u); }

inline void run_multiply_k8(Collective& c) {
  need_whole_warp(c, "mma");
  count_flop(c, 2 * 16 * 8 * 8);
  float a[16][8], b[8][8];
  for (int l = 0; l < 32; l++) {
    const Fragments& f = *static_cast<const Fragments*>(c.in[l]);
    for (int i = 0; i < 4; i++) a[l / 4 + (i & 1) * 8][l % 4 + (i >> 1) * 4] = as_tf32(f.a[i]);
    for (int i = 0; i < 2; i++) b[l % 4 + i * 4][l / 4] = as_tf32(f.b[i]);
  }
  finish_product(c, a, b);
}

inline void multiply(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], const Site& s,
                     void (*run)(Collective&)) {
  const Fragments in{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}, {d[0], d[1], d[2], d[3]}};
  const auto out = collective<Accumulators>(0xffffffffu, s, in, run);
  std::memcpy(d, out.d, sizeof d);
}

}  // namespace simt

namespace sumi {

template <int Bytes>
[[gnu::noinline]] void copy_async(void* dst, const void* src, bool present) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  simt::begin_copy(dst, src, Bytes, present, __builtin_return_address(0));
}
inline void commit_copies() { simt::CopyQueues::copy_queues().mine().groups++; }
template <int Open>
[[gnu::noinline]] void wait_for_copies(SIMT_HERE) {
  simt::land_all_but(Open, simt::site_of(here));
}

[[gnu::noinline]] inline void load_matrices_x4(unsigned (&r)[4], const void* row, SIMT_HERE) {
  simt::load_matrices<4, false>(r, row, simt::site_of(here), __builtin_return_address(0));
}
[[gnu::noinline]] inline void load_matrices_x2(unsigned (&r)[2], const void* row, SIMT_HERE) {
  simt::load_matrices<2, false>(r, row, simt::site_of(here), __builtin_return_address(0));
}
[[gnu::noinline]] inline void load_matrices_x4_transposed(unsigned (&r)[4], const void* row, SIMT_HERE) {
  simt::load_matrices<4, true>(r, row, simt::site_of(here), __builtin_return_address(0));
}

template <class T>
void multiply_m16n8k16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], SIMT_HERE) {
  simt::multiply(d, a, b, simt::site_of(here), simt::run_multiply_k16<T>);
}
/// Ties away from zero.
inline unsigned to_tf32(float v) {
  const auto bits = std::bit_cast<unsigned>(v);
  return std::isfinite(v) ? (bits + 0x1000u) & 0xffffe000u : bits;
}
inline void multiply_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2], SIMT_HERE) {
  simt::multiply(d, a, b, simt::site_of(here), simt::run_multiply_k8);
}

}  // namespace sumi
