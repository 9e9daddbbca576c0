// The options that choose what to compute on, and the context they make.
#pragma once
#include <string>
#include <string_view>

#include "tensor/tensor.h"

namespace CLI {
class App;
}

namespace sumi {

struct DeviceOptions {
  std::string device = "auto";
  int threads = 0;
  bool autotune = false, any_order = false;
};

/// --device, --threads, --autotune, --any-order.
void add_device_options(CLI::App& command, DeviceOptions& options);

/// --precision f32|tf32|bf16, for parse_precision and make_context; f16 too where a command infers.
enum class Precisions : std::uint8_t { of_training, of_inference };
void add_precision_option(CLI::App& command, std::string& precision, Precisions which);
/// What tensors are stored in. tf32 is a way of multiplying f32.
DType parse_precision(std::string_view text);

/// Throws Error when the device is not there or has no such precision, or when SUMI_KERNEL names an unknown op or row.
ContextPtr make_context(const DeviceOptions& options, std::string_view precision = "f32");

}  // namespace sumi
