// Shapes for tests (awkward) and benchmarks (realistic) of the gemm table.
#pragma once
#include "kernels/core/case.h"
#include "kernels/gemm/gemm.h"

namespace sumi {

template <>
inline std::vector<Case<Gemm>> Cases<Gemm>::awkward() {
  std::vector<Case<Gemm>> cases;
  // Every transposition with and without a bias, around register tiles (6, 12, 14 rows; 8 to 32 columns).
  for (const bool ta : {false, true})
    for (const bool tb : {false, true}) {
      const auto add = [&](Gemm g, bool bias) {
        g.transpose_a = ta, g.transpose_b = tb;
        if (bias)
          cases.push_back({g});
        else
          cases.push_back({g, {"bias"}});
      };
      add({.M = 1, .N = 1, .K = 1}, false);
      add({.M = 1, .N = 33, .K = 17}, true);
      add({.M = 13, .N = 1, .K = 31}, false);
      add({.M = 5, .N = 15, .K = 7}, true);
      add({.M = 12, .N = 32, .K = 16}, false);
      add({.M = 15, .N = 65, .K = 64}, true);
      add({.batch = 3, .M = 7, .N = 9, .K = 11, .alpha = 0.5}, true);
      add({.batch = 2, .M = 9, .N = 17, .K = 5, .shared_b = true}, false);
      add({.batch = 2, .M = 9, .N = 17, .K = 5, .shared_a = true}, false);
      add({.M = 63, .N = 50, .K = 300}, false);
      add({.M = 37, .N = 41, .K = 5000, .alpha = 0.25}, true);
      add({.M = 200, .N = 232, .K = 72}, true);  // rows of 16-byte chunks, tiles of 128 and 64 cut in every direction
      add({.batch = 2, .M = 72, .N = 136, .K = 200, .shared_b = true}, false);
    }
  cases.push_back({{.M = 3, .N = 18, .K = 0}});
  cases.push_back({{.batch = 2, .M = 7, .N = 5, .K = 3, .shared_a = true, .shared_b = true}, {"bias"}});
  cases.push_back({{.M = 530, .N = 270, .K = 20}, {"bias"}});
  cases.push_back({{.M = 72, .N = 40, .K = 2056, .transpose_a = true}});  // k shared among blocks
  cases.push_back({{.batch = 3, .M = 136, .N = 392, .K = 200}});          // several wide tiles for a block
  return cases;
}

template <>
inline std::vector<Case<Gemm>> Cases<Gemm>::realistic() {
  return {
      {{.M = 128, .N = 128, .K = 512}, {"bias"}},  // whole tiles of every rung, small enough for the emulator's report
      {{.M = 512, .N = 512, .K = 512}, {"bias"}},
      {{.M = 1024, .N = 1024, .K = 1024}, {"bias"}},
      {{.M = 2048, .N = 2048, .K = 2048}, {"bias"}},
      {{.M = 4096, .N = 4096, .K = 4096}, {"bias"}},
      {{.M = 512, .N = 512, .K = 512, .transpose_b = true}},            // a linear layer
      {{.M = 64, .N = 64, .K = 65536, .transpose_a = true}, {"bias"}},  // Gram matrices of VGG at 256 x 256
      {{.M = 128, .N = 128, .K = 16384, .transpose_a = true}, {"bias"}},
      {{.M = 256, .N = 256, .K = 4096, .transpose_a = true}, {"bias"}},
      {{.M = 512, .N = 512, .K = 1024, .transpose_a = true}, {"bias"}},
      {{.batch = 64, .M = 16, .N = 16, .K = 16}, {"bias"}},
      {{.M = 1, .N = 1024, .K = 1024, .transpose_b = true}},
  };
}

}  // namespace sumi
