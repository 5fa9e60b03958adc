// What the operators that convolve have in common: Conv, ConvInteger, QLinearConv.
#pragma once

#include <vector>

#include "engine/kernels/reference/conv.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

// The output's dimensions for an input and weights, as far as they are known. kInvalidArgument for
// attributes or shapes that do not fit. REQUIRES: both have a rank.
Result<std::vector<Dim>> ConvOutputDims(const OpContext& context, const Fact& x, const Fact& w);

// kInvalidArgument unless `bias` can be one number for each of the output's channels.
Status CheckConvBias(const Fact& bias, const Dim& out_channels);

// The geometry for concrete shapes, of which ConvOutputDims() was asked.
Result<kernels::ConvGeometry> ReadConvGeometry(const OpContext& context, const Shape& x,
                                               const Shape& w);

}  // namespace wnn::ops
