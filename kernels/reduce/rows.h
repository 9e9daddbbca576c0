// The functions behind the rows of the reduce table.
#pragma once
#include <vector>

#include "kernels/reduce/reduce.h"

namespace sumi {

/// The definition: one pass in memory order, accumulated in double.
void reduce_reference(const Reduce& a, Context& ctx);

/// A reduction whose reduced axes are neighbours: x as [O, R, I], y as [O, I].
struct ReduceView {
  std::int64_t O = 1, R = 1, I = 1;
  bool exists = true;
};
ReduceView view_of(const Reduce& a);
/// Any reduction as one or more of these, the innermost axes first: the result of each is the next one's x.
std::vector<ReduceView> passes_of(const Reduce& a);

/// One pass over the view with sums in double.
void reduce_chunked(const Reduce& a, Context& ctx);

/// The ladder, in ladder.cu. `warp` and `vectorized` want I = 1.
namespace cuda {

void reduce_naive(const Reduce& a, Context& ctx);
void reduce_warp(const Reduce& a, Context& ctx);
void reduce_vectorized(const Reduce& a, Context& ctx);
void reduce_split(const Reduce& a, Context& ctx);

}  // namespace cuda

}  // namespace sumi
