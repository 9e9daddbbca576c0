// Golden files: what PyTorch computed, see tests/golden/make_golden.py.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>

#include "nn/safetensors.h"

namespace sumi::test {

inline ContextPtr context(int threads = 2) { return std::make_shared<Context>(ContextOptions{.threads = threads}); }

inline std::string golden_path(const std::string& name) {
  return std::string(SUMI_SOURCE_DIR) + "/tests/golden/" + name + ".safetensors";
}

/// The published weights and photos, or "" where this machine has none.
inline std::string shared_path(const std::string& name) {
  const char* folder = std::getenv("SUMI_SHARED");
  const std::string path = (folder ? folder : std::string(SUMI_SOURCE_DIR) + "/../shared") + "/" + name;
  return std::filesystem::exists(path) ? path : "";
}

/// PyTorch's N,C,H,W (or K,C,R,S) -> N,H,W,C.
inline Tensor channels_last(const Tensor& t) {
  const Shape& s = t.shape();
  const std::vector<float> from = t.to_vector();
  std::vector<float> to(from.size());
  const auto at = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  for (std::int64_t n = 0; n < s[0]; n++)
    for (std::int64_t c = 0; c < s[1]; c++)
      for (std::int64_t p = 0; p < s[2] * s[3]; p++)
        to[at((n * s[2] * s[3] + p) * s[1] + c)] = from[at((n * s[1] + c) * s[2] * s[3] + p)];
  return Tensor::from(t.context(), {s[0], s[2], s[3], s[1]}, to);
}

/// A golden file's tensors: `tensor` as stored, `image` in this project's layout where it has four sides.
struct Golden {
  Golden(const ContextPtr& context, const std::string& name)
      : context(context), file(golden_path(name)), state(file.load(context)) {}
  Tensor tensor(const std::string& name) const {
    const auto found = state.find(name);
    check(found != state.end(), "golden file has no tensor ", name);
    return found->second;
  }
  Tensor image(const std::string& name) const {
    const Tensor t = tensor(name);
    return t.rank() == 4 ? channels_last(t) : t.clone();
  }
  /// Tensors below a prefix, which is dropped.
  StateDict below(const std::string& prefix) const {
    StateDict found;
    for (const auto& [name, t] : state)
      if (name.starts_with(prefix)) found.emplace(name.substr(prefix.size()), t);
    return found;
  }
  ContextPtr context;
  SafetensorsFile file;
  StateDict state;
};

/// The largest difference over the expected values' range.
inline double relative_difference(const Tensor& got, const Tensor& expected) {
  const std::vector<float> a = got.to_vector(), b = expected.to_vector();
  check(a.size() == b.size(), "expected ", b.size(), " values, got ", a.size());
  float low = b.empty() ? 0 : b[0], high = low;
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); i++) {
    low = std::min(low, b[i]), high = std::max(high, b[i]);
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    difference = d <= difference ? difference : d;  // a NaN is kept
  }
  const double range = static_cast<double>(high) - static_cast<double>(low);
  return range > 0 ? difference / range : difference;
}

inline void expect_close(const Tensor& got, const Tensor& expected, double tolerance, const std::string& what) {
  ASSERT_EQ(got.shape(), expected.shape()) << what;
  const double difference = relative_difference(got, expected);
  EXPECT_TRUE(difference <= tolerance) << what << ": differs by " << difference << " of the range";
}

}  // namespace sumi::test
