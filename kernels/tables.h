// Every table of the engine, one line each: what tests, benchmarks and `sumi info` walk.
#pragma once
#include "kernels/binary/binary.h"
#include "kernels/cast/cast.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/gemm.h"
#include "kernels/loss/loss.h"
#include "kernels/map/map.h"
#include "kernels/norm/norm.h"
#include "kernels/optimizer/optimizer.h"
#include "kernels/pad/pad.h"
#include "kernels/pool/pool.h"
#include "kernels/random/random.h"
#include "kernels/reduce/reduce.h"
#include "kernels/resample/resample.h"
#include "kernels/softmax/softmax.h"
#include "kernels/transpose/transpose.h"

namespace sumi {

/// visit(std::type_identity<Args>{}) for each op's argument struct.
template <class... Args, class F>
void for_each_of(F&& visit) {
  (visit(std::type_identity<Args>{}), ...);
}

template <class F>
void for_each_op(F&& visit) {
  for_each_of<Conv2dForward, Conv2dBackwardInput, Conv2dBackwardWeight,  //
              NormStats, NormFold, NormApply, NormBackward,              //
              MapForward, MapBackward, Binary, Reduce, Gemm, Transpose,  //
              SoftmaxForward, SoftmaxBackward,                           //
              PadForward, PadBackward,                                   //
              ResampleForward, ResampleBackward, PixelShuffle,           //
              PoolForward, PoolBackward,                                 //
              LossForward, LossBackward, TotalVariationForward, TotalVariationBackward, OptimizerStep, RandomFill,
              Cast>(visit);
}

}  // namespace sumi
