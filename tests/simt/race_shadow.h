// What is remembered of every two bytes of device memory.
#pragma once
#include <sys/mman.h>

#include <bit>
#include <cstddef>
#include <new>

#include "tests/simt/race_clock.h"

namespace simt::race {

/// One access: when, where in the program, by whom, to which of the two bytes.
struct Record {
  Time time = 0;
  std::uint32_t pc = 0;
  std::uint16_t thread = 0;
  std::uint8_t bytes = 0;
  bool atomic = false;
};

/// In Record::thread, beside the number: an asynchronous copy that nobody has waited for; a read by more than one lane
/// of the warp.
inline constexpr std::uint16_t kInFlight = 0x8000, kSeveral = 0x4000, kNumber = 0x3fff;

/// Global memory: the last write, the last read, and one read before it by another warp or block.
struct GlobalCell {
  Record write, other_read, read;
};

/// Shared memory: the last write, and, for every warp, who read at that warp's last time.
struct SharedCell {
  struct Readers {
    Time time;
    std::uint32_t lanes, pc;
  };
  Record write;
  Time since;           // the barrier after which `warps` counts
  std::uint32_t warps;  // which of readers[] are set
  Readers readers[32];
};

enum class Byte : std::uint8_t { outside, unwritten, written, released };

/// Zeros that cost nothing until they are touched.
template <class T>
class Zeros {
 public:
  explicit Zeros(std::size_t count) : bytes_(count * sizeof(T)) {
    void* p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    data_ = static_cast<T*>(p);
  }
  ~Zeros() { munmap(data_, bytes_); }
  Zeros(const Zeros&) = delete;
  Zeros& operator=(const Zeros&) = delete;
  T& operator[](std::size_t i) { return data_[i]; }

 private:
  T* data_;
  std::size_t bytes_;
};

}  // namespace simt::race
