#include "engine/optimizer/bounds.h"

#include <cmath>

#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using kernels::Clamp;

// Clip's inputs came with this version of ONNX; before it the bounds are attributes.
constexpr int kClipFirstWithInputs = 11;

std::optional<Clamp> ClipBounds(const graph::Graph& graph, const graph::Node& node) {
  Clamp clamp;
  if (node.opset < kClipFirstWithInputs) {
    auto min = node.attributes.Float("min", clamp.min);
    auto max = node.attributes.Float("max", clamp.max);
    if (!min || !max) return std::nullopt;
    return Clamp{*min, *max};
  }
  for (size_t i : {1, 2}) {
    if (!HasInput(node, i)) continue;
    const std::optional<float> bound = ConstantScalar(graph.fact(node.inputs[i]));
    if (!bound) return std::nullopt;
    (i == 1 ? clamp.min : clamp.max) = *bound;
  }
  return clamp;
}

}  // namespace

std::optional<Clamp> BoundsOf(const graph::Graph& graph, const graph::Node& node) {
  std::optional<Clamp> clamp;
  if (IsOnnx(node, "Relu")) clamp = Clamp{.min = 0};
  if (IsOnnx(node, "Clip")) clamp = ClipBounds(graph, node);
  if (clamp && (std::isnan(clamp->min) || std::isnan(clamp->max))) return std::nullopt;
  return clamp;
}

}  // namespace wnn::optimizer
