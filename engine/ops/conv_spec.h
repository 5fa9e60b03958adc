// From a Conv node (ONNX's or our own) to the convolution that the blocked kernels know.
#pragma once

#include "engine/kernels/blocked/conv.h"
#include "engine/ops/op_context.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {

// What the two-dimensional convolution of the node is, by its attributes and its weights' shape
// (input 1, concrete); no clamp, nothing fused. kInvalidArgument for what ONNX forbids,
// kUnsupportedOperation for another rank.
Result<kernels::ConvSpec> ReadConvSpec(const OpContext& context);

}  // namespace wnn::ops
