// The rows, in order of preference.
#include "kernels/resample/reference.h"
#include "kernels/resample/resample.h"

namespace sumi {
namespace {

template <class Args>
bool always(const Args&, const DeviceInfo&) {
  return true;
}

constexpr Variant<ResampleForward> kForward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<ResampleForward>, resample_forward_reference},
};
constexpr Variant<ResampleBackward> kBackward[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<ResampleBackward>, resample_backward_reference},
};
constexpr Variant<PixelShuffle> kShuffle[] = {
    {"reference", DeviceKind::cpu, kAllFloats, always<PixelShuffle>, pixel_shuffle_reference},
};

}  // namespace

Table<ResampleForward> ResampleForward::table() { return kForward; }
Table<ResampleBackward> ResampleBackward::table() { return kBackward; }
Table<PixelShuffle> PixelShuffle::table() { return kShuffle; }

}  // namespace sumi
