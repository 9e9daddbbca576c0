// The tuning report: every CUDA row on its largest small case, and where its kernels spend memory traffic.
#pragma once
#include <string>

namespace simt::race {

/// Rows whose "op/row case dtype" contains `filter`; every row when it is empty.
void print_report(const std::string& filter);

}  // namespace simt::race
