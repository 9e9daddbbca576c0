// How a convolution, or the transpose of one, is cut into jobs for oneDNN, and the primitives that do them. Included
// only by files named onednn*.cpp.
#pragma once
#include <algorithm>
#include <memory>
#include <vector>

#include "kernels/conv2d/onednn_layout.h"
#include "kernels/conv2d/pieces.h"

namespace sumi::onednn {

/// A primitive with the descriptors of what it reads and writes.
struct Step {
  dnnl::primitive primitive;
  Desc input, filter, output, scratchpad;
  bool plain_loops = false;  // the library's own reference: a thousand times slower
};

/// A piece of the output, the rows of the input it reads (which may lie outside the image when staged), and its step.
struct Job {
  Piece out;
  std::int64_t in_begin = 0, in_rows = 0;
  std::size_t step = 0;
};

struct Plan {
  std::vector<Job> jobs;
  std::vector<Step> steps;
  std::size_t input_bytes = 0, output_bytes = 0, scratchpad_bytes = 0;  // the largest of all steps

  std::size_t add(Step s) {
    input_bytes = std::max(input_bytes, s.input.get_size());
    output_bytes = std::max(output_bytes, s.output.get_size());
    scratchpad_bytes = std::max(scratchpad_bytes, s.scratchpad.get_size());
    steps.push_back(std::move(s));
    return steps.size() - 1;
  }
  const Desc* filter_format() const { return steps.empty() ? nullptr : &steps.front().filter; }
};

/// What forward and the transpose have in common: one image in, one out.
struct Problem {
  std::string_view op;
  TensorRef in, w, out;
  Dims4 in_dims, out_dims;
  const Prologue& prologue;
  const Epilogue& epilogue;
  bool stages;          // the input is copied, mapped and padded, band by band
  bool writes_through;  // the primitive's output is the result, but for an epilogue in place
  int left, right;      // columns of padding that staging adds
  PadMode pad_mode;
};

/// What the row makes of its arguments, which must outlive it.
Problem problem_of(const Conv2dForward& a);
Problem problem_of(const Conv2dBackwardInput& a);

/// The jobs in order; pieces of one shape share a step.
std::shared_ptr<Plan> plan_forward(const Conv2dDims& d, const Problem& p, const dnnl::engine& engine);
std::shared_ptr<Plan> plan_transposed(const Conv2dDims& d, const Problem& p, const dnnl::engine& engine);

}  // namespace sumi::onednn
