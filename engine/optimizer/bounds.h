// Activations that do nothing but bound their input.
#pragma once

#include <optional>

#include "engine/graph/graph.h"
#include "engine/kernels/blocked/layout.h"

namespace wnn::optimizer {

// What the node, Relu or Clip by constants, bounds its input 0 by; nothing if it does something
// else, or one of the bounds is not a number.
std::optional<kernels::Clamp> BoundsOf(const graph::Graph& graph, const graph::Node& node);

}  // namespace wnn::optimizer
