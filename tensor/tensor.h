// Tensor: a value handle on shared storage, with shape, dtype, and an optional node of the history.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "kernels/core/context.h"
#include "tensor/shape.h"

namespace sumi {

/// Tensors share the context that made them, and keep it alive.
using ContextPtr = std::shared_ptr<Context>;
struct Node;  // tensor/autograd.h

/// Owns a block of the context's pool. `version` counts in-place writes, so that packed weights know they are stale.
class Storage {
 public:
  Storage(ContextPtr context, std::size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  std::uint64_t id() const { return id_; }
  std::uint64_t version() const { return version_; }
  void touch();
  const ContextPtr& context() const { return context_; }

 private:
  ContextPtr context_;
  std::size_t bytes_;
  void* data_;
  std::uint64_t id_, version_ = 0;
};

/// Activations are [N,H,W,C], filters [K,R,S,C], vectors [N,C] or [C]; always contiguous. Copying shares storage and
/// history. The context (device, threads, pool) travels with the storage.
class Tensor {
 public:
  Tensor() = default;
  /// When memory is out, the error names `op`, whose result it is.
  static Tensor empty(const ContextPtr& context, const Shape& shape, DType dtype = DType::f32,
                      std::string_view op = "tensor");
  static Tensor full(const ContextPtr& context, const Shape& shape, double value, DType dtype = DType::f32);
  static Tensor zeros(const ContextPtr& context, const Shape& shape, DType dtype = DType::f32);
  /// Copies `values` (as f32 numbers) converting to dtype.
  static Tensor from(const ContextPtr& context, const Shape& shape, std::span<const float> values,
                     DType dtype = DType::f32);
  /// An f32 tensor with what `fill` writes to host memory: the tensor's own on a CPU, staged on the way to a GPU.
  static Tensor filled(const ContextPtr& context, const Shape& shape, const std::function<void(float*)>& fill);
  /// Philox normal or uniform numbers, see kernels/random/random.h. `clock` [1] is read when the numbers are drawn: a
  /// captured graph (tensor/graph.h) draws others each time only if it moves on meanwhile.
  static Tensor randn(const ContextPtr& context, const Shape& shape, std::uint64_t seed, std::uint32_t stream = 0,
                      DType dtype = DType::f32, const Tensor* clock = nullptr);
  static Tensor uniform(const ContextPtr& context, const Shape& shape, double low, double high, std::uint64_t seed,
                        std::uint32_t stream = 0, DType dtype = DType::f32, const Tensor* clock = nullptr);

  explicit operator bool() const { return static_cast<bool>(storage_); }
  const Shape& shape() const { return shape_; }
  std::int64_t dim(int i) const { return shape_[i]; }
  int rank() const { return shape_.rank(); }
  std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype_); }
  std::int64_t numel() const { return shape_.numel(); }
  DType dtype() const { return dtype_; }
  const ContextPtr& context() const { return storage_->context(); }
  Context& ctx() const { return *storage_->context(); }

  bool on_host() const { return ctx().device().kind == DeviceKind::cpu; }
  /// A copy with another context: another device, or other threads. It has no history.
  Tensor to(const ContextPtr& context) const;
  /// The elements' bytes to and from host memory, in the storage dtype. read() waits for the device.
  void write(const void* bytes) const;
  void read(void* bytes) const;

  /// Typed access; throws Error when T is not this dtype's storage type, or the tensor is on a GPU.
  template <class T>
  T* data() const {
    check(dtype_of<T> == dtype_, "tensor: expected ", name_of(dtype_of<T>), ", got ", name_of(dtype_));
    check(on_host(), "tensor: expected a tensor in host memory, got one on the GPU; copy it with to() or to_vector()");
    return static_cast<T*>(storage_->data());
  }
  std::span<float> values() const { return {data<float>(), static_cast<std::size_t>(numel())}; }
  std::vector<float> to_vector() const;  // any float dtype
  float item() const;                    // the only element
  TensorRef ref() const;                 // {} for an empty handle
  /// Call after writing through data(): bumps the version that caches of packed weights look at.
  void touch() const { storage_->touch(); }

  /// Same storage, other shape (same numel); recorded in the history.
  Tensor reshape(const Shape& shape) const;
  /// Shares storage, has no history.
  Tensor detach() const;
  Tensor clone() const;  // new storage; detached
  /// Copies `source`'s values into this storage (same shape, any float dtype): loading weights.
  void copy_from(const Tensor& source) const;

  bool requires_grad() const;
  /// Makes this a leaf whose gradient backward() keeps.
  Tensor& set_requires_grad(bool on = true);
  /// The gradient that backward() accumulated, or an empty handle.
  Tensor grad() const;
  void set_grad(const Tensor& g) const;

 private:
  friend struct TensorHistory;
  std::shared_ptr<Storage> storage_;
  Shape shape_;
  DType dtype_ = DType::f32;
  std::shared_ptr<Node> node_;  // null: constant
};

}  // namespace sumi
