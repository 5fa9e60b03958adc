// Functions of one element in single precision on the vector kernels, as an operator.
#pragma once

#include <memory>

#include "engine/kernels/blocked/elementwise.h"
#include "engine/ops/op_def.h"

namespace wnn::ops {

// Output 0 is the function of the n elements of input 0; it may lie over it.
std::unique_ptr<const CompiledOp> MakeVectorUnary(const kernels::UnaryParams& params, int64_t n);

}  // namespace wnn::ops
