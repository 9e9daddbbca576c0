// What nvcc made of the kernels: instructions by kind and source line, read from the PTX that its objects carry.
#pragma once
#include <map>
#include <string>

namespace simt::race {

/// "fma", "float", "integer", "convert", "global", "shared", "tensor", "copy", "sync", "branch" and how many.
using Instructions = std::map<std::string, int>;
/// By source line, "kernels/gemm/ladder.cu:37"; a header of CUDA's counts where it is called.
using KernelPtx = std::map<std::string, Instructions>;
/// By short_name() of the kernel, which several sources may have, and the source, "kernels/softmax/online.cu".
using Ptx = std::map<std::string, std::map<std::string, KernelPtx>>;

/// For the newest architecture that each kernel was compiled for. Empty where nvcc built nothing.
Ptx read_ptx();

/// The kind of a PTX instruction, or "" for what costs nothing (declarations, parameters, moves).
std::string kind_of(const std::string& opcode);

}  // namespace simt::race
