#include "tensor/tensor.h"

#include <cstring>

#include "kernels/cast/cast.h"
#include "kernels/core/element.h"
#include "kernels/device/runtime.h"
#include "kernels/map/map.h"
#include "kernels/random/random.h"
#include "tensor/autograd.h"

namespace sumi {

Storage::Storage(ContextPtr context, std::size_t bytes)
    : context_(std::move(context)),
      bytes_(bytes),
      data_(context_->memory().allocate(bytes)),
      id_(context_->new_storage_id()) {}

Storage::~Storage() {
  context_->cache().forget(id_);
  context_->memory().release(data_);
}

void Storage::touch() {
  version_++;
  context_->cache().written(id_);
}

Tensor Tensor::empty(const ContextPtr& context, const Shape& shape, DType dtype, std::string_view op) {
  check(static_cast<bool>(context), "tensor: no context");
  Tensor t;
  named([&] { return concat(op, ' ', shape, ' ', name_of(dtype)); },
        [&] {
          t.storage_ = std::make_shared<Storage>(context, static_cast<std::size_t>(shape.numel()) * size_of(dtype));
        });
  t.shape_ = shape;
  t.dtype_ = dtype;
  return t;
}

namespace {

/// Calls fill(T*) with host memory for t's elements: its own on a CPU, staged on the way to a GPU.
template <class T, class Fill>
void fill_on_host(const Tensor& t, Fill&& fill) {
  if (t.on_host()) return fill(t.data<T>());
  std::vector<T> staged(static_cast<std::size_t>(t.numel()));
  fill(staged.data());
  t.write(staged.data());
}

}  // namespace

Tensor Tensor::full(const ContextPtr& context, const Shape& shape, double value, DType dtype) {
  if (context->device().kind == DeviceKind::cuda && kGpuFloats.has(dtype)) {  // without a copy from the host
    Tensor t = zeros(context, shape, dtype);
    if (value != 0) run(MapForward{.f = Map::shift, .a = value, .n = t.numel(), .x = t.ref(), .y = t.ref()}, *context);
    return t;
  }
  Tensor t = empty(context, shape, dtype);
  visit_float(dtype, [&](auto type) {
    using T = decltype(type);
    T element;
    store(&element, 0, value);
    fill_on_host<T>(t, [&](T* out) { std::fill_n(out, t.numel(), element); });
  });
  return t;
}

Tensor Tensor::zeros(const ContextPtr& context, const Shape& shape, DType dtype) {
  Tensor t = empty(context, shape, dtype);
  if (t.on_host())
    std::memset(t.storage_->data(), 0, t.storage_->bytes());
  else
    device::fill(t.storage_->data(), 0, t.storage_->bytes(), context->stream());
  return t;
}

Tensor Tensor::from(const ContextPtr& context, const Shape& shape, std::span<const float> values, DType dtype) {
  check(static_cast<std::int64_t>(values.size()) == shape.numel(), "tensor: expected ", shape.numel(), " values for ",
        shape, ", got ", values.size());
  Tensor t = empty(context, shape, dtype);
  visit_float(dtype, [&](auto type) {
    using T = decltype(type);
    fill_on_host<T>(t, [&](T* out) {
      for (std::size_t i = 0; i < values.size(); i++) out[i] = T(values[i]);
    });
  });
  return t;
}

Tensor Tensor::filled(const ContextPtr& context, const Shape& shape, const std::function<void(float*)>& fill) {
  Tensor t = empty(context, shape);
  fill_on_host<float>(t, fill);
  return t;
}

Tensor Tensor::to(const ContextPtr& context) const {
  Tensor t = empty(context, shape_, dtype_);
  if (on_host()) {
    t.write(storage_->data());
  } else if (t.on_host()) {
    read(t.storage_->data());
  } else {
    ctx().synchronize();  // the two contexts have a stream each
    device::copy(t.storage_->data(), storage_->data(), bytes(), context->stream());
    context->synchronize();  // this one may be released in its own stream at once
  }
  return t;
}

void Tensor::write(const void* from) const {
  if (on_host())
    std::memcpy(storage_->data(), from, bytes());
  else
    named([&] { return concat("writing a tensor ", shape_); }, [&] { ctx().upload(storage_->data(), from, bytes()); });
}

void Tensor::read(void* into) const {
  if (on_host())
    std::memcpy(into, storage_->data(), bytes());
  else
    named([&] { return concat("reading a tensor ", shape_); },
          [&] { device::copy_to_host(into, storage_->data(), bytes(), ctx().stream()); });
}

namespace {

Tensor random(const ContextPtr& context, const Shape& shape, DType dtype, const Tensor* clock, RandomFill fill) {
  if (clock)
    check(clock->numel() == 1 && clock->dtype() == param_dtype(dtype),
          "random: expected a clock of one number in the parameters' dtype, got ", clock->shape());
  Tensor t = Tensor::empty(context, shape, dtype, RandomFill::op);
  if (clock) fill.clock = clock->ref();
  fill.n = t.numel();
  fill.y = t.ref();
  run(fill, *context);
  return t;
}

}  // namespace

Tensor Tensor::randn(const ContextPtr& context, const Shape& shape, std::uint64_t seed, std::uint32_t stream,
                     DType dtype, const Tensor* clock) {
  return random(context, shape, dtype, clock,
                {.distribution = Distribution::normal, .low = 0, .high = 1, .seed = seed, .stream = stream});
}

Tensor Tensor::uniform(const ContextPtr& context, const Shape& shape, double low, double high, std::uint64_t seed,
                       std::uint32_t stream, DType dtype, const Tensor* clock) {
  return random(context, shape, dtype, clock,
                {.distribution = Distribution::uniform, .low = low, .high = high, .seed = seed, .stream = stream});
}

std::vector<float> Tensor::to_vector() const {
  std::vector<float> out(static_cast<std::size_t>(numel()));
  visit_float(dtype_, [&](auto type) {
    using T = decltype(type);
    std::vector<T> staged(on_host() ? 0 : out.size());
    if (!on_host()) read(staged.data());
    const T* values = on_host() ? data<T>() : staged.data();
    for (std::size_t i = 0; i < out.size(); i++) out[i] = static_cast<float>(values[i]);
  });
  return out;
}

float Tensor::item() const {
  check(storage_ && numel() == 1, "item: expected one element, got ", shape_);
  return to_vector().front();
}

TensorRef Tensor::ref() const {
  if (!storage_) return {};
  return {storage_->data(), dtype_, storage_->id(), storage_->version()};
}

Tensor Tensor::reshape(const Shape& shape) const {
  check(shape.numel() == numel(), "reshape: expected ", numel(), " elements as in ", shape_, ", got ", shape);
  Tensor t = detach();
  t.shape_ = shape;
  return record(t, "reshape", {*this},
                [from = shape_](const Tensor& dy, const Wanted&) -> Gradients { return {dy.reshape(from)}; });
}

Tensor Tensor::detach() const {
  Tensor t = *this;
  t.node_.reset();
  return t;
}

Tensor Tensor::clone() const {
  Tensor t = empty(context(), shape_, dtype_);
  t.copy_from(*this);
  return t;
}

void Tensor::copy_from(const Tensor& source) const {
  check(source.shape_ == shape_, "copy_from: expected ", shape_, ", got ", source.shape_);
  if (source.context() != context() && !(on_host() && source.on_host())) return copy_from(source.to(context()));
  if (source.dtype_ == dtype_ && on_host())
    std::memmove(storage_->data(), source.storage_->data(), bytes());
  else if (source.dtype_ == dtype_)
    device::copy(storage_->data(), source.storage_->data(), bytes(), ctx().stream());
  else
    run(Cast{.n = numel(), .x = source.ref(), .y = ref()}, ctx());
  touch();
}

bool Tensor::requires_grad() const { return static_cast<bool>(node_); }

Tensor& Tensor::set_requires_grad(bool on) {
  check(static_cast<bool>(storage_), "set_requires_grad: the tensor is empty");
  check(!on || !node_ || !node_->backward, "set_requires_grad: expected a leaf, got the result of ",
        node_ ? node_->op : "");
  if (!on) node_.reset();
  if (on && !node_) {
    node_ = std::make_shared<Node>();
    node_->op = "leaf";
  }
  return *this;
}

Tensor Tensor::grad() const { return node_ ? node_->grad : Tensor{}; }

void Tensor::set_grad(const Tensor& g) const {
  check(static_cast<bool>(node_), "set_grad: the tensor does not require a gradient");
  check(!g || g.shape() == shape_, "set_grad: expected ", shape_, ", got ", g.shape());
  node_->grad = g.detach();
}

}  // namespace sumi
