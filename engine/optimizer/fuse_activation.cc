// Conv, Gemm, Add, ... + Relu or Clip -> the same with bounds on its results. A NaN stays NaN in
// either.
#include <algorithm>

#include "engine/ops/blocked.h"
#include "engine/optimizer/bounds.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::NodeId;
using kernels::Clamp;

// Clamping by `first` and then by `second`, as ONNX's min(max(x, min), max).
Clamp Compose(const Clamp& first, const Clamp& second) {
  auto clamp = [&](float x) { return std::min(std::max(x, second.min), second.max); };
  return {clamp(first.min), clamp(first.max)};
}

bool TakesBounds(const graph::Node& node) {
  if (IsOwn(node, "Binary") || IsOwn(node, "Gemm") || IsOwn(node, "ScaleShift")) return true;
  return IsOwn(node, "Conv") && !node.attributes.Has("global_average") &&
         !node.attributes.Has("pool_kernel_shape");
}

}  // namespace

Status FuseActivation(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    if (!TakesBounds(graph.node(id))) continue;
    for (;;) {
      const NodeId reader = readers.Only(graph, graph.node(id).outputs[0]);
      if (reader == graph::kNoNode) break;
      const std::optional<Clamp> bounds = BoundsOf(graph, graph.node(reader));
      if (!bounds || graph.node(reader).inputs[0] != graph.node(id).outputs[0]) break;
      context.Rewrote(graph.node(reader), "bounds the results of the node before it");
      AbsorbReader(graph, id, reader);
      graph::Attributes& attributes = graph.node(id).attributes;
      Clamp before;
      WNN_ASSIGN_OR_RETURN(before.min, attributes.Float(ops::kClampMin, before.min));
      WNN_ASSIGN_OR_RETURN(before.max, attributes.Float(ops::kClampMax, before.max));
      const Clamp after = Compose(before, *bounds);
      attributes.Set(std::string(ops::kClampMin), after.min);
      attributes.Set(std::string(ops::kClampMax), after.max);
    }
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
