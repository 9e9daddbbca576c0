// From a convolution to the library's execution plans for it. Included only by files named cudnn*.cpp.
#pragma once
#include "kernels/conv2d/graph_problem.h"
#include "kernels/device/cudnn.h"

namespace sumi::cudnn {

/// What plans are made for: a GPU that is there, by the library's handle, or one that is only described.
struct Target {
  cudnnHandle_t handle = nullptr;
  std::shared_ptr<const Descriptor> device;  // of type DEVICEPROP, in place of a handle
};

/// Names of a graph's tensors when it is executed.
enum Uid : std::int64_t { kX = 1, kW, kY, kBias };

/// Largest workspace that a plan may ask for.
inline constexpr std::int64_t kMostWorkspace = std::int64_t{256} << 20;

struct Plan {
  Descriptor descriptor;
  std::int64_t workspace;
};

/// Plans in the library's order of preference: of heuristic mode A, then B, then its fall-back list; without those that
/// cannot be built, want more than kMostWorkspace, round more than a plain f32 sum does, or sum in an order that the
/// problem does not allow. `most` plans at most. Empty: the library has none; `why`, where given, receives the last
/// thing it said about that.
std::vector<Plan> make_plans(const Api& api, const Problem& p, const Target& target, std::size_t most,
                             std::string* why = nullptr);

}  // namespace sumi::cudnn
