// From a Conv node (ONNX's or our own) to the convolution that the blocked kernels know.
#pragma once

#include <optional>

#include "engine/kernels/blocked/conv.h"
#include "engine/ops/op_context.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {

// What the two-dimensional convolution of the node is, by its attributes and its weights' shape
// (input 1, concrete); no clamp, nothing fused. kInvalidArgument for what ONNX forbids,
// kUnsupportedOperation for another rank.
Result<kernels::ConvSpec> ReadConvSpec(const OpContext& context);

// How many neighbouring groups have to be computed as one, with zero weights between them, so that
// a blocked kernel can do the convolution; 1 if it can as it is. Nothing where the zeros would cost
// more than the kernel wins.
std::optional<int64_t> GroupsToMerge(const kernels::ConvSpec& spec);
kernels::ConvSpec WithMergedGroups(kernels::ConvSpec spec, int64_t merged);
// The weights of WithMergedGroups(spec, merged).
Result<AlignedBuffer> MergeGroupWeights(const kernels::ConvSpec& spec, int64_t merged,
                                        std::span<const float> weights);

}  // namespace wnn::ops
