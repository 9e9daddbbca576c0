#include "kernels/device/cudnn.h"

#include <algorithm>

#include "kernels/core/error.h"

namespace sumi::cudnn {
namespace {

constexpr std::size_t kOldest = 90800;  // descriptors of a device, and engine lists that say what they need

/// False where one is missing.
template <class F>
bool find(const device::Library& library, const char* name, F*& function) {
  function = library.function<F>(name);
  return function != nullptr;
}

std::unique_ptr<Api> load() {
  const device::Library library = device::open_cudnn();
  auto a = std::make_unique<Api>();
  const bool all =
      library.found() && find(library, "cudnnGetVersion", a->version) && a->version() >= kOldest &&
      find(library, "cudnnGetErrorString", a->error_string) &&
      find(library, "cudnnGetLastErrorString", a->last_error) && find(library, "cudnnCreate", a->create) &&
      find(library, "cudnnSetStream", a->set_stream) &&
      find(library, "cudnnBackendCreateDescriptor", a->create_descriptor) &&
      find(library, "cudnnBackendDestroyDescriptor", a->destroy_descriptor) &&
      find(library, "cudnnBackendFinalize", a->finalize) && find(library, "cudnnBackendSetAttribute", a->set) &&
      find(library, "cudnnBackendGetAttribute", a->get) && find(library, "cudnnBackendExecute", a->execute);
  return all ? std::move(a) : nullptr;
}

}  // namespace

const Api* api() {
  static const std::unique_ptr<Api> found = load();
  return found.get();
}

std::string explain(const Api& api, cudnnStatus_t status) {
  char text[512] = {};
  api.last_error(text, sizeof text);
  text[sizeof text - 1] = 0;
  return concat(api.error_string(status), *text ? ": " : "", text);
}

void expect(const Api& api, cudnnStatus_t status, const char* doing) {
  if (status != CUDNN_STATUS_SUCCESS) fail("cuDNN, ", doing, ": ", explain(api, status));
}

Descriptor::Descriptor(const Api& api, cudnnBackendDescriptorType_t type) : api_(&api) {
  cudnnBackendDescriptor_t raw = nullptr;
  expect(api, api.create_descriptor(type, &raw), "creating a descriptor");
  raw_ = {raw, [destroy = api.destroy_descriptor](void* d) { destroy(d); }};
}

Descriptor& Descriptor::set(cudnnBackendAttributeName_t name, std::span<const Descriptor> list) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const Descriptor& d : list) raw.push_back(d.raw());
  return set_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, raw.size(), raw.data());
}

Descriptor& Descriptor::set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t count,
                                const void* values) {
  const cudnnStatus_t status = api_->set(raw_.get(), name, type, static_cast<std::int64_t>(count), values);
  if (status != CUDNN_STATUS_SUCCESS)
    fail("cuDNN, setting attribute ", static_cast<int>(name), ": ", explain(*api_, status));
  return *this;
}

std::size_t Descriptor::get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t most,
                                void* values) const {
  std::int64_t count = 0;
  const cudnnStatus_t status = api_->get(raw_.get(), name, type, static_cast<std::int64_t>(most), &count, values);
  if (status != CUDNN_STATUS_SUCCESS)
    fail("cuDNN, reading attribute ", static_cast<int>(name), ": ", explain(*api_, status));
  return std::min(static_cast<std::size_t>(count), most);
}

cudnnStatus_t Descriptor::try_finalize() { return api_->finalize(raw_.get()); }

Descriptor& Descriptor::finalize() {
  expect(*api_, try_finalize(), "finalizing a descriptor");
  return *this;
}

std::vector<Descriptor> Descriptor::descriptors(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                                                std::size_t most) const {
  std::vector<Descriptor> list;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::size_t i = 0; i < most; i++) raw.push_back(list.emplace_back(*api_, type).raw());
  const std::size_t count = get_raw(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, raw.data());
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(count), list.end());
  return list;
}

}  // namespace sumi::cudnn
