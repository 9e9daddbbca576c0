// A queue of GPU work, as hosts without CUDA's headers see it.
#pragma once
#include <cstddef>

struct CUstream_st;
struct CUevent_st;
struct CUgraphExec_st;

namespace sumi {

using Stream = CUstream_st*;              // cudaStream_t; null: the default stream
using Event = CUevent_st*;                // cudaEvent_t
using ExecutableGraph = CUgraphExec_st*;  // cudaGraphExec_t

}  // namespace sumi
