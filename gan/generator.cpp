#include "gan/generator.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "nn/safetensors.h"

namespace sumi {
namespace {

using Metadata = std::map<std::string, std::string>;

/// Removes what PyTorch's older instance norms saved and no network here uses.
void drop_running_statistics(StateDict& state) {
  std::erase_if(state, [](const auto& item) {
    return item.first.ends_with(".running_mean") || item.first.ends_with(".running_var");
  });
}

/// DataParallel's "module." in front of every name.
void drop_prefix(StateDict& state) {
  constexpr std::string_view prefix = "module.";
  if (!std::ranges::all_of(state, [&](const auto& item) { return item.first.starts_with(prefix); })) return;
  StateDict renamed;
  for (const auto& [name, tensor] : state) renamed.emplace(name.substr(prefix.size()), tensor);
  state = std::move(renamed);
}

/// What a file is not, and what it has instead.
[[noreturn]] void fail_unknown(const StateDict& state, const Metadata& metadata) {
  std::string marks;
  for (const Architecture& a : architectures())
    if (marks.find(a.mark) == marks.npos) marks += concat(marks.empty() ? "" : ", ", a.mark, " (", a.name, ')');
  const auto said = metadata.find("architecture");
  fail("not a generator: it has none of ", marks,
       said == metadata.end() ? "" : concat("; it calls itself '", said->second, "'"), "; its ", state.size(),
       " tensors begin with ", state.empty() ? "none" : state.begin()->first,
       state.contains("features.0.weight") ? ": a VGG trunk, which guides painting but cannot paint" : "");
}

LoadedGenerator build(const ContextPtr& context, StateDict state, const Metadata& metadata) {
  drop_running_statistics(state);
  drop_prefix(state);
  for (const Architecture& a : architectures()) {
    if (!a.recognise(state, metadata)) continue;
    auto network = a.make(context, 0, &state);
    network->load_state_dict(state);
    network->configure(metadata);
    return {&a, std::move(network)};
  }
  fail_unknown(state, metadata);
}

}  // namespace

LoadedGenerator load_generator(const ContextPtr& context, const std::string& path) {
  const SafetensorsFile file(path);
  try {
    return build(context, file.load(context), file.metadata());
  } catch (const Error& e) {
    fail(path, ": ", e.what());
  }
}

Tensor to_network(const ContextPtr& context, std::span<const std::uint8_t> rgb, std::int64_t H, std::int64_t W,
                  const PixelFormat& format, DType dtype) {
  check(static_cast<std::int64_t>(rgb.size()) == H * W * 3, "picture: expected ", H, 'x', W, "x3 bytes, got ",
        rgb.size());
  std::array<float, 256> level{};
  for (std::size_t v = 0; v < level.size(); v++)
    level[v] = static_cast<float>((static_cast<double>(v) - format.offset) / format.divisor);
  const std::size_t first = format.bgr ? 2 : 0, third = 2 - first;
  const Tensor x = Tensor::filled(context, {1, H, W, 3}, [&](float* out) {
    for (std::size_t i = 0; i < rgb.size(); i += 3) {
      out[i] = level[rgb[i + first]];
      out[i + 1] = level[rgb[i + 1]];
      out[i + 2] = level[rgb[i + third]];
    }
  });
  return dtype == DType::f32 ? x : cast(x, dtype);
}

std::vector<std::uint8_t> from_network(const Tensor& y, const PixelFormat& format) {
  check(y.rank() == 4 && y.dim(0) == 1 && y.dim(3) == 3, "picture: expected [1,H,W,3], got ", y.shape());
  const std::vector<float> values = y.to_vector();
  const auto scale = static_cast<float>(format.out_scale), offset = static_cast<float>(format.out_offset);
  // The comparison is false for a NaN, which becomes black.
  const auto pixel = [&](float v) {
    const float p = std::nearbyint(v * scale + offset);
    return static_cast<std::uint8_t>(p > 0 ? std::min(p, 255.f) : 0.f);
  };
  std::vector<std::uint8_t> rgb(values.size());
  const std::size_t first = format.bgr ? 2 : 0, third = 2 - first;
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    rgb[i + first] = pixel(values[i]);
    rgb[i + 1] = pixel(values[i + 1]);
    rgb[i + third] = pixel(values[i + 2]);
  }
  return rgb;
}

}  // namespace sumi
