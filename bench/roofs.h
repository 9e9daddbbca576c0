// What each kind of arithmetic reaches at most on this machine: measured, or handed on from an earlier run.
#pragma once
#include <map>
#include <string>

#include "kernels/core/roofline.h"

namespace sumi::bench {

/// By "f32", "tf32", "f16", "bf16": GFLOP/s; "copy": GB/s. A CPU has f32 and copy alone.
struct Roofs {
  std::map<std::string, double, std::less<>> rates;

  /// For products of `dtype`, or of f32 rounded to tf32; where that was not measured, f32's.
  Roofline of(DType dtype, bool tf32) const;
  /// "bf16=640000,copy=2700,..."
  std::string text() const;
};

/// From text(); throws Error naming what is wrong with it.
Roofs parse_roofs(const std::string& text);

/// measure_roofline() of each kind, with products of `side`.
Roofs measure_roofs(const ContextOptions& device, std::int64_t side);

}  // namespace sumi::bench
