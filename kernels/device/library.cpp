#include "kernels/device/library.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>

#include "kernels/core/environment.h"
#include "kernels/core/error.h"

namespace sumi::device {
namespace {

std::string toolkit_folder() {
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
    if (std::string folder = environment(name); !folder.empty()) return folder;
  return "/usr/local/cuda";
}

/// Both libraries give 10000 major + 100 minor + patch.
std::string version_of(const Library& library, const char* function) {
  auto* get = library.function<std::size_t()>(function);
  if (!get) return library.text();
  const std::size_t v = get();
  return concat(v / 10000, '.', v / 100 % 100, '.', v % 100);
}

}  // namespace

std::vector<std::string> library_paths(const std::string& name, const std::string& listed, const std::string& toolkit) {
  std::vector<std::string> paths;
  for (std::size_t begin = 0; begin < listed.size();) {
    const std::size_t end = std::min(listed.find(':', begin), listed.size());
    if (end > begin) paths.push_back((std::filesystem::path(listed.substr(begin, end - begin)) / name).string());
    begin = end + 1;
  }
  paths.push_back(name);
  if (!toolkit.empty()) paths.push_back((std::filesystem::path(toolkit) / "lib64" / name).string());
  return paths;
}

Library::Library(std::initializer_list<const char*> names) {
  for (const char* name : names)
    for (const std::string& path : library_paths(name, environment("SUMI_CUDA_LIBRARIES"), toolkit_folder())) {
      handle_ = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
      if (handle_) {
        text_ = path;
        return;
      }
      // A file that is there and cannot be opened says more than a list of places where there is none.
      const char* why = dlerror();
      std::error_code ignored;
      if (why && std::filesystem::exists(path, ignored)) text_ = why;
    }
  if (text_.empty()) text_ = concat(*names.begin(), " not found");
}

void* Library::symbol(const char* name) const { return handle_ ? dlsym(handle_, name) : nullptr; }

Library open_cublaslt() { return Library({"libcublasLt.so.13", "libcublasLt.so.12"}); }

Library open_cudnn() {
  // cuDNN opens these two by name when it needs them; opened here first, they are found in the same folders.
  const Library compiler({"libnvrtc.so.13", "libnvrtc.so.12"}), products = open_cublaslt();
  return Library({"libcudnn.so.9"});
}

std::string library_versions() {
  return concat("cuBLASLt ", version_of(open_cublaslt(), "cublasLtGetVersion"), ", cuDNN ",
                version_of(open_cudnn(), "cudnnGetVersion"));
}

}  // namespace sumi::device
