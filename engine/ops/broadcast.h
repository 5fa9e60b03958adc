// How operators of several inputs broadcast them, including the way of versions before 7.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/op_context.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {

// The dimensions of input i as multidirectional broadcasting sees them. Before version 7, input 1
// of a binary operator was aligned with input 0 by the attributes `broadcast` and `axis`: it then
// gets trailing ones. REQUIRES: the inputs' ranks are known.
Result<std::vector<Dim>> DimsToBroadcast(const OpContext& context, size_t i);

// Output 0 gets the shape that all inputs broadcast to, and `dtype`.
Status InferBroadcast(InferContext& context, DType dtype);

// The loop nest over (output, input 0, ..., input N-2).
template <size_t N>
Result<kernels::LoopNest<N>> MakeBroadcastNest(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  std::array<std::vector<int64_t>, N> strides;
  strides[0] = kernels::DenseStrides(out);
  for (size_t i = 1; i < N; ++i) {
    WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, DimsToBroadcast(context, i - 1));
    Shape shape;
    for (const Dim& dim : dims) shape.push_back(dim.value);
    strides[i] = kernels::BroadcastStrides(shape, out);
  }
  return kernels::LoopNest<N>(out, strides);
}

}  // namespace wnn::ops
