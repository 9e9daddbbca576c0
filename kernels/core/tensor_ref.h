// How a kernel sees a tensor: a pointer and a dtype; the shape stands in the argument struct.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/core/dtype.h"

namespace sumi {

/// A view that owns nothing; null where an optional operand is absent.
struct TensorRef {
  void* data = nullptr;
  DType dtype = DType::f32;
  /// Identity of the storage and how often it was written in place. Rows that repack weights cache the packed form
  /// under (id, version); id 0 means "do not cache".
  std::uint64_t id = 0, version = 0;

  explicit operator bool() const { return data != nullptr; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

/// Whether a row reads an operand, overwrites it, or updates it.
enum class Role : std::uint8_t { input, output, inout };
/// What test and benchmark data an operand can take.
enum class Fill : std::uint8_t { gaussian, positive, unit, whole };

/// One tensor of an argument struct, as tests and benchmarks see it: enough to allocate, fill and compare it.
struct Operand {
  std::string_view name;
  TensorRef* ref;
  std::int64_t count;
  Role role;
  bool param = false;  // dtype is param_dtype(data dtype) instead of the data dtype
  Fill fill = Fill::gaussian;
  bool optional = false;
};
using Operands = std::vector<Operand>;

}  // namespace sumi
