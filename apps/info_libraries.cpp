#include "apps/info_libraries.h"

#include <hwy/highway.h>

#include "kernels/core/error.h"

#if SUMI_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace sumi {

std::string onednn_version() {
#if SUMI_ONEDNN
  const dnnl_version_t& v = *dnnl_version();
  return concat(v.major, '.', v.minor, '.', v.patch);
#else
  return "";
#endif
}

std::string highway_version() { return concat(HWY_MAJOR, '.', HWY_MINOR, '.', HWY_PATCH); }

}  // namespace sumi
