// What `sumi bench` can time.
#pragma once
#include <functional>
#include <string>
#include <utility>

#include "nn/module.h"

namespace sumi {

struct WorkOptions {
  std::string model, train, vgg;
  int width = 0, height = 0, batch = 4;
  DType precision = DType::f32;
};

struct Work {
  std::string title, size;
  std::function<void()> run;
  std::function<StateDict()> tensors = nullptr;  // of the last run of a network: x and y, in f32
};

/// "512x340" to numbers. Throws UsageError.
std::pair<int, int> parse_size(const std::string& text);

/// A network on a random picture (VGG: up to conv4_2), or a training step. Throws Error naming an unknown model.
Work make_work(const WorkOptions& options, const ContextPtr& context);

}  // namespace sumi
