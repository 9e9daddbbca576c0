// The functions behind the rows of the reduce table.
#pragma once
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

/// One pass over the view with sums in double.
void reduce_chunked(const Reduce& a, Context& ctx);

}  // namespace sumi
