// Initial weights from Philox: parameter number i of a module draws from stream i, so they depend on the seed and the
// module's structure only.
#pragma once
#include "nn/module.h"

namespace sumi {

/// How weights are drawn. fan_in and fan_out count the elements of a filter that meet one output, one input.
enum class Init : std::uint8_t {
  pytorch,          // its layers' default: uniform in +-1/sqrt(fan_in), weights and biases
  kaiming_normal,   // He et al., ICCV 2015: N(0, 2 / ((1 + slope^2) fan_in)), biases 0
  kaiming_uniform,  // the same variance, uniform
  xavier_normal,    // Glorot & Bengio 2010: N(0, 2 / (fan_in + fan_out)), biases 0
  xavier_uniform,
  normal,  // N(0, std^2), biases 0: DCGAN's
};

/// The scheme and its parameters.
struct InitOptions {
  Init scheme = Init::pytorch;
  double slope = 0;  // of the leaky ReLU that follows (kaiming)
  double std = 0.02;
};

/// Fills all filters and matrices, and the biases beside them. Other vectors (a norm's) and buffers keep their values.
void initialise(const Module& module, std::uint64_t seed, const InitOptions& options = {});

}  // namespace sumi
