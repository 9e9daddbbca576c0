// NVIDIA's libraries, opened at run time and never linked: the same program starts where there are none.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

namespace sumi::device {

/// A shared library that stays open as long as the process.
class Library {
 public:
  /// Opens the first of `names` ("libcudnn.so.9") that is found: in the folders of the environment variable
  /// SUMI_CUDA_LIBRARIES (separated by colons; PyTorch's site-packages/nvidia/cudnn/lib, for instance), then where the
  /// system looks, then in the CUDA Toolkit's lib64. Never throws.
  explicit Library(std::initializer_list<const char*> names);

  bool found() const { return handle_ != nullptr; }
  /// What was opened, or one line about what was not.
  const std::string& text() const { return text_; }
  /// The library's function; null when it has none of that name.
  template <class F>
  F* function(const char* name) const {
    return reinterpret_cast<F*>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;
  void* handle_ = nullptr;
  std::string text_;
};

/// The newest supported version that is found, else an empty one. Throws nothing.
Library open_cublaslt();
Library open_cudnn();

/// Where a library is looked for, as paths to try in turn; the bare name stands for the system's own search. `listed`
/// is the value of SUMI_CUDA_LIBRARIES, `toolkit` the Toolkit's folder; both may be empty.
std::vector<std::string> library_paths(const std::string& name, const std::string& listed, const std::string& toolkit);

/// "cuBLASLt 13.1.0, cuDNN 9.19.0", with "not found" where that is so.
std::string library_versions();

}  // namespace sumi::device
