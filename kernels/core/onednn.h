// What the rows that call oneDNN share. Included only by files named onednn*.cpp, which are left out of a build
// without the library.
#pragma once
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <string_view>

#include "kernels/core/context.h"

namespace sumi::onednn {

/// The library's CPU engine, one per context.
dnnl::engine engine(Context& ctx);

/// f32 or bf16; throws Error for others.
dnnl::memory::data_type type_of(DType t);

/// True when the library has fast kernels for `t` here: f32 always, bf16 with AVX-512 (emulated with plain AVX-512).
bool supports(DType t, const DeviceInfo& device);

/// oneDNN asks OpenMP how many threads to use, both when it plans a primitive and when it runs one; there is no other
/// way to tell it. Sets the number for a scope, of the calling thread only.
class ThreadScope {
 public:
  explicit ThreadScope(int threads) : before_(omp_get_max_threads()) { omp_set_num_threads(threads); }
  ~ThreadScope() { omp_set_num_threads(before_); }
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int before_;
};

/// f(), with the library's exception turned into Error naming `what`.
template <class F>
decltype(auto) guarded(std::string_view what, F&& f) {
  try {
    return f();
  } catch (const dnnl::error& e) {
    fail(what, ": oneDNN says '", e.what(), "'");
  }
}

/// The library's format of a filter, kept in `memory`, for as long as the filter's storage is unchanged.
struct Packed {
  dnnl::memory memory;
};

/// `source` (dense in `plain`) reordered to `wanted`, from ctx.cache() under (row, key).
std::shared_ptr<Packed> packed(Context& ctx, std::string_view row, const std::string& key, const TensorRef& source,
                               const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted);

}  // namespace sumi::onednn
