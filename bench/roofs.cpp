#include "bench/roofs.h"

#include <sstream>

#include "kernels/device/roofline.h"

namespace sumi::bench {

Roofline Roofs::of(DType dtype, bool tf32) const {
  const auto known = rates.find(tf32 ? "tf32" : name_of(dtype));
  return {known != rates.end() ? known->second : rates.at("f32"), rates.at("copy")};
}

std::string Roofs::text() const {
  std::string all;
  for (const auto& [kind, rate] : rates) all += concat(all.empty() ? "" : ",", kind, '=', rate);
  return all;
}

Roofs parse_roofs(const std::string& text) {
  Roofs roofs;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    const auto equals = item.find('=');
    const double rate = equals == item.npos ? 0 : std::strtod(item.c_str() + equals + 1, nullptr);
    check(rate > 0, "--roofs: expected KIND=RATE, got '", item, "'");
    roofs.rates[item.substr(0, equals)] = rate;
  }
  for (const char* kind : {"f32", "copy"})
    check(roofs.rates.contains(kind), "--roofs: ", kind, " is missing in '", text, "'");
  return roofs;
}

Roofs measure_roofs(const ContextOptions& device, std::int64_t side) {
  Roofs roofs;
  const auto measure = [&](bool tf32, DType dtype) {
    ContextOptions options = device;
    options.tf32 = tf32;
    Context ctx(options);
    const Roofline r = measure_roofline(ctx, dtype, side);
    roofs.rates[tf32 ? "tf32" : std::string(name_of(dtype))] = r.gflops;
    roofs.rates["copy"] = std::max(roofs.rates["copy"], r.gbytes_per_s);
  };
  measure(false, DType::f32);
  if (device.device == DeviceKind::cpu) return roofs;
  measure(true, DType::f32);
  measure(false, DType::f16);
  measure(false, DType::bf16);
  return roofs;
}

}  // namespace sumi::bench
