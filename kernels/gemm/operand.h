// How a block's threads bring one operand of a matrix product to shared memory: in chunks of 16 bytes, each of which
// lies contiguously in memory, along k or across it.
#pragma once
#include "kernels/device/raw.h"

namespace sumi::cuda {

/// Which of an operand's two directions is contiguous. Operands have rows (m or n) and columns k.
enum class Run : std::uint8_t { along_k, across_k };

/// Chunks of a tile of Rows x K among Threads: a line is a row (along_k) or a column (across_k) of the tile; each
/// thread has one place in `slots` lines.
template <class T, Run R, int Rows_, int K_, int Threads>
struct Chunks {
  static constexpr int V = kVector<T>, Rows = Rows_, K = K_;
  static constexpr int per_line = (R == Run::along_k ? K : Rows) / V;
  static constexpr int lines_apart = Threads / per_line;
  static constexpr int slots = Rows * K / V / Threads;
  static_assert(Threads % per_line == 0 && Rows * K % (V * Threads) == 0);
  __device__ static int line(int slot) { return static_cast<int>(threadIdx.x) / per_line + slot * lines_apart; }
  __device__ static int place() { return static_cast<int>(threadIdx.x) % per_line * V; }
};

/// The first `valid` of V elements from p on, then zeros; one access where all are there and `aligned`.
template <class T>
__device__ __forceinline__ Vector<T> load_run(const T* p, int valid, bool aligned) {
  if (aligned && valid >= kVector<T>) return load_vector(p);
  Vector<T> v;
#pragma unroll
  for (int i = 0; i < kVector<T>; i++) v.v[i] = i < valid ? p[i] : from_float<T>(0.f);
  return v;
}

/// A chunk on its way: all of it there, in one access, or zeros.
template <class T>
__device__ __forceinline__ Raw<T> load_chunk(const T* p, bool there) {
  Raw<T> raw = {};
  if (there) raw = load_raw(p);
  return raw;
}

/// A dense matrix: lines of `pitch` elements. `aligned`: the pitch and the contiguous extent are multiples of 16 bytes,
/// so that a chunk is there as a whole or not at all.
template <class T, Run R>
struct Matrix {
  static constexpr Run run = R;
  const T* data;
  std::int64_t pitch;
  int rows;
  bool aligned;

  /// A thread's chunks of the tile at (row, k), then of the next K columns, and so on to k_end.
  template <class C>
  struct Cursor {
    const T *data, *p;
    std::int64_t pitch;
    int line, place, lines_end, place_end;
    bool aligned;
    static constexpr bool kAlong = R == Run::along_k;

    __device__ Cursor(const Matrix& m, int row, int k, int k_end)
        : data(m.data),
          pitch(m.pitch),
          line((kAlong ? row : k) + C::line(0)),
          place((kAlong ? k : row) + C::place()),
          lines_end(kAlong ? m.rows : k_end),
          place_end(kAlong ? k_end : m.rows),
          aligned(m.aligned) {
      p = data + line * pitch + place;
    }
    __device__ int valid(int slot) const {
      const int left = place_end - place;
      return line + slot * C::lines_apart >= lines_end || left < 0 ? 0 : left < C::V ? left : C::V;
    }
    /// Where the chunk stands; false: nowhere, it is zeros.
    __device__ bool chunk(int slot, const T*& at) const {
      const bool there = valid(slot) > 0;
      at = there ? p + slot * C::lines_apart * pitch : data;
      return there;
    }
    __device__ Raw<T> gather(int slot) const {
      const T* at = p + slot * C::lines_apart * pitch;
      return aligned ? load_chunk(at, valid(slot) > 0) : pack(load_run(at, valid(slot), false));
    }
    /// What becomes of gathered chunks once they have arrived; before advance().
    __device__ void map(Raw<T> (&)[C::slots]) const {}
    __device__ void advance() {
      (kAlong ? place : line) += C::K;
      p += kAlong ? C::K : C::K * pitch;
    }
  };
};

}  // namespace sumi::cuda
