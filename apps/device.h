// The options that choose what to compute on, and the context they make.
#pragma once
#include <string>

#include "tensor/tensor.h"

namespace CLI {
class App;
}

namespace sumi {

struct DeviceOptions {
  std::string device = "auto";
  int threads = 0;
};

/// --device, --threads.
void add_device_options(CLI::App& command, DeviceOptions& options);

/// --precision f32|bf16, to parse with parse_precision.
void add_precision_option(CLI::App& command, std::string& precision);
DType parse_precision(const std::string& text);

/// Throws Error when the device is not there or SUMI_KERNEL names an unknown op or row.
ContextPtr make_context(const DeviceOptions& options);

}  // namespace sumi
