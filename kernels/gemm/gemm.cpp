#include "kernels/gemm/gemm.h"

namespace sumi {

std::string Gemm::key() const {
  return concat('b', batch, 'M', M, 'N', N, 'K', K, transpose_a ? "ta" : "", transpose_b ? "tb" : "",
                shared_a ? "sa" : "", shared_b ? "sb" : "", bias ? "+bias" : "", alpha == 1 ? "" : "*alpha");
}

Operands Gemm::operands() {
  return {{"a", &a, (shared_a ? 1 : batch) * M * K, Role::input},
          {"b", &b, (shared_b ? 1 : batch) * K * N, Role::input},
          {"bias", &bias, N, Role::input, true, Fill::gaussian, true},
          {"y", &y, batch * M * N, Role::output}};
}

double Gemm::bytes() const {
  const std::int64_t elements = (shared_a ? 1 : batch) * M * K + (shared_b ? 1 : batch) * K * N + batch * M * N;
  return static_cast<double>(elements) * static_cast<double>(size_of(dtype()));
}

}  // namespace sumi
