// Values on the GPU and back, for closed-form tests.
#pragma once
#include <vector>

#include "kernels/core/variant.h"
#include "kernels/device/runtime.h"

namespace sumi::test {

/// A copy of `values` on the device of a context.
template <class T>
class DeviceVector {
 public:
  DeviceVector(Context& ctx, const std::vector<T>& values)
      : ctx_(ctx), count_(values.size()), memory_(ctx.scratch(count_ * sizeof(T))) {
    ctx.upload(memory_.as<void>(), values.data(), count_ * sizeof(T));
  }
  TensorRef ref() const { return {memory_.as<void>(), dtype_of<T>}; }
  std::vector<T> host() const {
    std::vector<T> values(count_);
    device::copy_to_host(values.data(), memory_.as<void>(), count_ * sizeof(T), ctx_.stream());
    return values;
  }

 private:
  Context& ctx_;
  std::size_t count_;
  Scratch memory_;
};

/// A table's rows for GPUs.
template <class Args>
std::vector<Variant<Args>> cuda_rows() {
  std::vector<Variant<Args>> rows;
  for (const Variant<Args>& v : Args::table())
    if (v.device == DeviceKind::cuda) rows.push_back(v);
  return rows;
}

}  // namespace sumi::test
