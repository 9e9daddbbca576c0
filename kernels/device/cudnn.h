// cuDNN's graph interface: its functions, found at run time, and its descriptors. Included only by files named
// cudnn*.cpp, which are left out of a build without the library's headers.
#pragma once
#include <cudnn_graph.h>

#include <array>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/device/library.h"

namespace sumi::cudnn {

/// The functions that are used, of version 9.8 or later.
struct Api {
  decltype(&cudnnGetVersion) version = nullptr;
  decltype(&cudnnGetErrorString) error_string = nullptr;
  decltype(&cudnnGetLastErrorString) last_error = nullptr;
  decltype(&cudnnCreate) create = nullptr;
  decltype(&cudnnSetStream) set_stream = nullptr;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor = nullptr;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor = nullptr;
  decltype(&cudnnBackendFinalize) finalize = nullptr;
  decltype(&cudnnBackendSetAttribute) set = nullptr;
  decltype(&cudnnBackendGetAttribute) get = nullptr;
  decltype(&cudnnBackendExecute) execute = nullptr;
};

/// The library's functions, looked up once in the process; null where it is not found or too old.
const Api* api();

/// "CUDNN_STATUS_BAD_PARAM: <the library's own explanation>".
std::string explain(const Api& api, cudnnStatus_t status);
/// Throws Error with the library's text unless `status` is success; `doing` says at what.
void expect(const Api& api, cudnnStatus_t status, const char* doing);

/// The attribute type that goes with a C++ type.
template <class T>
inline constexpr cudnnBackendAttributeType_t kTypeOf = CUDNN_TYPE_VOID_PTR;
template <>
inline constexpr auto kTypeOf<std::int64_t> = CUDNN_TYPE_INT64;
template <>
inline constexpr auto kTypeOf<float> = CUDNN_TYPE_FLOAT;
template <>
inline constexpr auto kTypeOf<double> = CUDNN_TYPE_DOUBLE;
template <>
inline constexpr auto kTypeOf<bool> = CUDNN_TYPE_BOOLEAN;
template <>
inline constexpr auto kTypeOf<char> = CUDNN_TYPE_CHAR;
template <>
inline constexpr auto kTypeOf<cudnnHandle_t> = CUDNN_TYPE_HANDLE;
template <>
inline constexpr auto kTypeOf<cudnnDataType_t> = CUDNN_TYPE_DATA_TYPE;
template <>
inline constexpr auto kTypeOf<cudnnConvolutionMode_t> = CUDNN_TYPE_CONVOLUTION_MODE;
template <>
inline constexpr auto kTypeOf<cudnnPointwiseMode_t> = CUDNN_TYPE_POINTWISE_MODE;
template <>
inline constexpr auto kTypeOf<cudnnNanPropagation_t> = CUDNN_TYPE_NAN_PROPOGATION;
template <>
inline constexpr auto kTypeOf<cudnnBackendHeurMode_t> = CUDNN_TYPE_HEUR_MODE;
template <>
inline constexpr auto kTypeOf<cudnnBackendNumericalNote_t> = CUDNN_TYPE_NUMERICAL_NOTE;

/// One of the library's descriptors: set attributes, finalize, use.
class Descriptor {
 public:
  Descriptor(const Api& api, cudnnBackendDescriptorType_t type);

  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, const T& value) {
    return set_raw(name, kTypeOf<T>, 1, &value);
  }
  template <class T, std::size_t N>
  Descriptor& set(cudnnBackendAttributeName_t name, const std::array<T, N>& values) {
    return set_raw(name, kTypeOf<T>, N, values.data());
  }
  template <class T>
  Descriptor& set(cudnnBackendAttributeName_t name, const std::vector<T>& values) {
    return set_raw(name, kTypeOf<T>, values.size(), values.data());
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const std::string& text) {
    return set_raw(name, CUDNN_TYPE_CHAR, text.size(), text.data());
  }
  Descriptor& set(cudnnBackendAttributeName_t name, const Descriptor& d) {
    return set(name, std::span<const Descriptor>(&d, 1));
  }
  Descriptor& set(cudnnBackendAttributeName_t name, std::span<const Descriptor> list);

  /// Throws Error with the library's text.
  Descriptor& finalize();
  /// The same, where failing is an answer.
  cudnnStatus_t try_finalize();

  template <class T>
  T get(cudnnBackendAttributeName_t name) const {
    T value{};
    get_raw(name, kTypeOf<T>, 1, &value);
    return value;
  }
  /// All values of an attribute, `most` at most.
  template <class T>
  std::vector<T> list(cudnnBackendAttributeName_t name, std::size_t most) const {
    std::vector<T> values(most);
    values.resize(get_raw(name, kTypeOf<T>, most, values.data()));
    return values;
  }
  /// Fills finished descriptors of `type`, `most` at most.
  std::vector<Descriptor> descriptors(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type,
                                      std::size_t most) const;
  cudnnBackendDescriptor_t raw() const { return raw_.get(); }

 private:
  Descriptor& set_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t count,
                      const void* values);
  std::size_t get_raw(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, std::size_t most,
                      void* values) const;
  const Api* api_;
  std::shared_ptr<void> raw_;
};

}  // namespace sumi::cudnn
