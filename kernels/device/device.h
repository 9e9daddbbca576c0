// What every .cu file includes first. nvcc compiles it for a GPU; a C++ compiler that finds the emulator's <simt/...>
// on its include path runs the same lines on a CPU.
//
// Rules that keep one source working on both: kernels stand in an unnamed namespace; launch() instead of <<<>>>;
// dyn_smem<T>() instead of extern __shared__; inline PTX only in intrin.h, hopper.h and wgmma.h; no function-local
// statics but __shared__, and those only in kernels (device functions take shared memory as an argument).
#pragma once
#if defined(__CUDACC__)
#include "kernels/device/nvcc.h"
#else
#include <simt/device.h>
#endif
