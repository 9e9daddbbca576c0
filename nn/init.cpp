#include "nn/init.h"

#include <cmath>

namespace sumi {
namespace {

struct Fans {
  double in, out;
};
/// Of a filter [K,R,S,C] or matrix [N,K]; a transposed convolution's count as PyTorch counts them: in is the last side.
Fans fans_of(const Shape& s) {
  double window = 1;
  for (int i = 1; i < s.rank() - 1; i++) window *= static_cast<double>(s[i]);
  return {window * static_cast<double>(s[-1]), window * static_cast<double>(s[0])};
}

struct Spread {
  bool uniform;
  double std;
};
Spread spread_of(const Fans& fans, const InitOptions& o) {
  const double kaiming = std::sqrt(2 / ((1 + o.slope * o.slope) * fans.in));
  const double xavier = std::sqrt(2 / (fans.in + fans.out));
  switch (o.scheme) {
    case Init::pytorch:
      return {true, std::sqrt(1 / (3 * fans.in))};
    case Init::kaiming_normal:
      return {false, kaiming};
    case Init::kaiming_uniform:
      return {true, kaiming};
    case Init::xavier_normal:
      return {false, xavier};
    case Init::xavier_uniform:
      return {true, xavier};
    case Init::normal:
      break;
  }
  return {false, o.std};
}

void fill(const Tensor& t, const Spread& s, std::uint64_t seed, std::uint32_t stream) {
  const double bound = s.std * std::sqrt(3.0);
  t.copy_from(s.uniform ? Tensor::uniform(t.context(), t.shape(), -bound, bound, seed, stream)
                        : scale(Tensor::randn(t.context(), t.shape(), seed, stream), s.std));
}

/// "conv1.weight" -> "conv1.bias".
std::string bias_beside(const std::string& weight) {
  const auto dot = weight.rfind('.');
  return (dot == std::string::npos ? "" : weight.substr(0, dot + 1)) + "bias";
}

}  // namespace

void initialise(const Module& module, std::uint64_t seed, const InitOptions& options) {
  const auto parameters = module.named_parameters();
  std::map<std::string, Spread> biases;
  for (const NamedParameter& p : parameters)
    if (p.kind != ParameterKind::vector) biases[bias_beside(p.name)] = spread_of(fans_of(p.tensor->shape()), options);
  for (std::uint32_t i = 0; i < parameters.size(); i++) {
    const NamedParameter& p = parameters[i];
    const auto bias = biases.find(p.name);
    if (p.kind != ParameterKind::vector)
      fill(*p.tensor, spread_of(fans_of(p.tensor->shape()), options), seed, i);
    else if (bias != biases.end() && options.scheme == Init::pytorch)
      fill(*p.tensor, bias->second, seed, i);
    else if (bias != biases.end())
      p.tensor->copy_from(Tensor::zeros(p.tensor->context(), p.tensor->shape()));
  }
}

}  // namespace sumi
