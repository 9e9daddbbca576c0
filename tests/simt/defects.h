// Seeded defects: small kernels and host programs, each right as it stands and wrong with one change. The emulator's
// checks are tested by what they see of them.
#pragma once
#include <vector>

#include "kernels/device/runtime.h"

namespace sumi::test {

/// The builds of the emulator; a defect names those that must see it. What results or errors show, all see.
enum Flavour : unsigned { plain = 1, race = 2, sanitized = 4, everywhere = 7 };

struct Defect {
  const char* name;
  /// Returns whether the results are right; throws what the emulator finds.
  bool (*run)(bool seeded);
  unsigned seen_by;
};
std::vector<Defect> barrier_defects();
std::vector<Defect> memory_defects();
std::vector<Defect> warp_defects();
std::vector<Defect> host_defects();
std::vector<Defect> async_defects();
std::vector<Defect> cluster_defects();

/// An array in device memory, used by the default stream.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(std::size_t count) : count_(count), data_(device::allocate(count * sizeof(T), nullptr)) {}
  explicit OnDevice(const std::vector<T>& values) : OnDevice(values.size()) {
    device::copy_to_device(data_, values.data(), count_ * sizeof(T), nullptr);
    device::synchronize(nullptr);
  }
  ~OnDevice() { device::release(data_, nullptr); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  T* get() const { return static_cast<T*>(data_); }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    device::copy_to_host(values.data(), data_, count_ * sizeof(T), nullptr);
    return values;
  }

 private:
  std::size_t count_;
  void* data_;
};

/// start, start + 1, ...
inline std::vector<float> counting(std::size_t n, float start = 1) {
  std::vector<float> v(n);
  for (float& x : v) x = start++;
  return v;
}

}  // namespace sumi::test
