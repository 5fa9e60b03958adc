// The algorithms behind Conv. Each factory takes a spec that SupportsConv accepted and spans of the
// right size.
#pragma once

#include <memory>
#include <span>

#include "engine/base/status.h"
#include "engine/kernels/blocked/conv.h"

namespace wnn::kernels {

using ConvResult = Result<std::unique_ptr<const Conv>>;
using Floats = std::span<const float>;

// Whether ScratchBytes may compute with `shape`: what it would refuse, without an algorithm.
Status CheckConvShape(const ConvSpec& spec, const ConvShape& shape);

ConvResult NewPointwiseConv(const ConvSpec& spec, Floats weights, Floats bias, Parallel& stop);
ConvResult NewDirectConv(const ConvSpec& spec, Floats weights, Floats bias, Parallel& stop);
ConvResult NewWinogradConv(ConvAlgorithm algorithm, const ConvSpec& spec, Floats weights,
                           Floats bias, Parallel& stop);
ConvResult NewDepthwiseConv(const ConvSpec& spec, Floats weights, Floats bias, Parallel& stop);
ConvResult NewFirstLayerConv(const ConvSpec& spec, Floats weights, Floats bias, Parallel& stop);

}  // namespace wnn::kernels
