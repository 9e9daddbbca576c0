// Elementwise functions: each f and its derivative df written once, for every device and precision.
#pragma once
#include <cmath>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "kernels/map/elementary.h"

namespace sumi {

/// y = f(x). `a` is the one parameter some of them take: leaky_relu's slope, elu's alpha, a power's exponent, a scale.
enum class Map : std::uint8_t {
  identity,
  relu,
  leaky_relu,
  tanh,
  sigmoid,  // these five are also the activations of fused epilogues
  step,
  abs,
  sign,
  square,
  sqrt,
  rsqrt,
  exp,
  log,
  negate,
  reciprocal,
  softplus,
  elu,
  selu,
  power,
  scale,
  shift
};
inline constexpr int kMapCount = static_cast<int>(Map::shift) + 1;
constexpr std::string_view name_of(Map m) {
  constexpr std::string_view names[] = {"identity",   "relu",     "leaky_relu", "tanh",  "sigmoid", "step",  "abs",
                                        "sign",       "square",   "sqrt",       "rsqrt", "exp",     "log",   "negate",
                                        "reciprocal", "softplus", "elu",        "selu",  "power",   "scale", "shift"};
  return names[static_cast<int>(m)];
}
constexpr bool is_activation(Map m) { return m <= Map::sigmoid; }

/// The value f(x); `a` as described at Map. T is float or double.
template <Map F, class T>
SUMI_HD T map_value(T x, [[maybe_unused]] T a) {
  constexpr T one = 1, zero = 0;
  if constexpr (F == Map::identity) return x;
  // NaN passes through: comparisons are written so that a NaN takes the branch that returns it.
  else if constexpr (F == Map::relu)
    return x < zero ? zero : x;
  else if constexpr (F == Map::leaky_relu)
    return x < zero ? a * x : x;
  else if constexpr (F == Map::tanh)
    return elementary::tanh(x);
  else if constexpr (F == Map::sigmoid)
    return one / (one + elementary::exp(-x));
  else if constexpr (F == Map::step)
    return x > zero ? one : zero;
  else if constexpr (F == Map::abs)
    return x < zero ? -x : x;
  else if constexpr (F == Map::sign)
    return static_cast<T>(x > zero) - static_cast<T>(x < zero);
  else if constexpr (F == Map::square)
    return x * x;
  else if constexpr (F == Map::sqrt)
    return std::sqrt(x);
  else if constexpr (F == Map::rsqrt)
    return one / std::sqrt(x);
  else if constexpr (F == Map::exp)
    return elementary::exp(x);
  else if constexpr (F == Map::log)
    return elementary::log(x);
  else if constexpr (F == Map::negate)
    return -x;
  else if constexpr (F == Map::reciprocal)
    return one / x;
  else if constexpr (F == Map::softplus)
    return (x > zero ? x : zero) + elementary::log1p_of_unit(elementary::exp(x > zero ? -x : x));
  else if constexpr (F == Map::elu)
    return x > zero ? x : a * elementary::expm1_below(x);
  else if constexpr (F == Map::selu)
    return T(1.0507009873554805) * (x > zero ? x : T(1.6732632423543772) * elementary::expm1_below(x));
  else if constexpr (F == Map::power)
    return std::pow(x, a);
  else if constexpr (F == Map::scale)
    return x * a;
  else
    return x + a;
}

/// The derivative f'(x); at a kink, PyTorch's choice (0 for relu and abs at 0).
template <Map F, class T>
SUMI_HD T map_derivative(T x, [[maybe_unused]] T a) {
  constexpr T one = 1, zero = 0;
  if constexpr (F == Map::identity || F == Map::shift)
    return one;
  else if constexpr (F == Map::relu)
    return x > zero ? one : zero;
  else if constexpr (F == Map::leaky_relu)
    return x > zero ? one : a;
  else if constexpr (F == Map::tanh) {
    const T y = elementary::tanh(x);
    return one - y * y;
  } else if constexpr (F == Map::sigmoid) {
    const T y = one / (one + elementary::exp(-x));
    return y * (one - y);
  } else if constexpr (F == Map::step || F == Map::sign)
    return zero;
  else if constexpr (F == Map::abs)
    return map_value<Map::sign>(x, a);
  else if constexpr (F == Map::square)
    return 2 * x;
  else if constexpr (F == Map::sqrt)
    return T(0.5) / std::sqrt(x);
  else if constexpr (F == Map::rsqrt)
    return T(-0.5) / (x * std::sqrt(x));
  else if constexpr (F == Map::exp)
    return elementary::exp(x);
  else if constexpr (F == Map::log)
    return one / x;
  else if constexpr (F == Map::negate)
    return -one;
  else if constexpr (F == Map::reciprocal)
    return -one / (x * x);
  else if constexpr (F == Map::softplus)
    return one / (one + elementary::exp(-x));
  else if constexpr (F == Map::elu)
    return x > zero ? one : a * elementary::exp(x);
  else if constexpr (F == Map::selu)
    return T(1.0507009873554805) * (x > zero ? one : T(1.6732632423543772) * elementary::exp(x));
  else if constexpr (F == Map::power)
    return a * std::pow(x, a - one);
  else
    return a;  // scale
}

/// Calls visit(std::integral_constant<Map, f>{}): from a run-time Map to a compile-time one.
#if defined(__CUDACC__)
#pragma nv_exec_check_disable
#endif
template <int I = 0, class V>
SUMI_HD decltype(auto) visit_map(Map f, V&& visit) {
  if constexpr (I + 1 < kMapCount)
    if (static_cast<int>(f) != I) return visit_map<I + 1>(f, visit);
  return visit(std::integral_constant<Map, static_cast<Map>(I)>{});
}

/// f(x) chosen at run time: for code where speed does not matter, and for GPUs, where a uniform branch is cheap.
template <class T>
SUMI_HD T map_at(Map f, T x, T a) {
  return visit_map(f, [&](auto m) { return map_value<decltype(m)::value>(x, a); });
}

/// f'(x) chosen at run time.
template <class T>
SUMI_HD T map_derivative_at(Map f, T x, T a) {
  return visit_map(f, [&](auto m) { return map_derivative<decltype(m)::value>(x, a); });
}

}  // namespace sumi
