// Winograd's convolutions on GPUs: 3x3, stride 1, dilation 1, one group, any padding, prologues up to leaky_relu.
// Three kernels for each chunk of tiles: into Winograd's domain, as many matrix products as a tile has points, and
// back.
#pragma once
#include "kernels/conv2d/conv2d.h"

namespace sumi::cuda {

/// F(4x4,3x3) in f32, any channels.
bool winograd_supports(const Conv2dForward& a, const DeviceInfo& device);
bool winograd_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
/// Whether the multiplications that it saves outweigh the bytes that it moves: by arithmetic, not measured.
bool winograd_pays(const Conv2dForward& a, const DeviceInfo& device);
bool winograd_pays(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_winograd(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_winograd(const Conv2dBackwardInput& a, Context& ctx);

/// F(2x2,3x3) in f16 on tensor cores: channels in eights, from 16 of the input's. What is multiplied, and the products,
/// are rounded to f16 besides the result. No x overflows; products do where a result would for its size, without
/// cancellation: docs/kernels/winograd.md.
bool winograd_2x2_supports(const Conv2dForward& a, const DeviceInfo& device);
bool winograd_2x2_supports(const Conv2dBackwardInput& a, const DeviceInfo& device);
bool winograd_2x2_pays(const Conv2dForward& a, const DeviceInfo& device);
bool winograd_2x2_pays(const Conv2dBackwardInput& a, const DeviceInfo& device);
void conv2d_forward_winograd_2x2(const Conv2dForward& a, Context& ctx);
void conv2d_backward_input_winograd_2x2(const Conv2dBackwardInput& a, Context& ctx);

/// Either, by the dtype, with a chunk's transformed inputs and products in about `bytes` of scratch (at least 128 tiles
/// of them). What is computed does not depend on it.
void conv2d_forward_winograd_within(std::int64_t bytes, const Conv2dForward& a, Context& ctx);

}  // namespace sumi::cuda
