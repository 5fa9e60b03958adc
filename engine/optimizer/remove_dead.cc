// Removes nodes that no output depends on, and lets go of constants that nobody reads.
#include <vector>

#include "engine/optimizer/pass.h"

namespace wnn::optimizer {

Status RemoveDead(PassContext& context) {
  graph::Graph& graph = context.graph();
  std::vector<bool> needed(graph.n_values(), false);
  for (graph::ValueId output : graph.outputs) needed[static_cast<size_t>(output)] = true;
  for (size_t i = graph.n_nodes(); i-- > 0;) {
    const graph::NodeId id = static_cast<graph::NodeId>(i);
    const graph::Node& node = graph.node(id);
    bool live = false;
    for (graph::ValueId output : node.outputs) {
      live = live || (output != graph::kNoValue && needed[static_cast<size_t>(output)]);
    }
    if (!live) {
      context.Rewrote(node, "nothing depends on it");
      graph.RemoveNode(id);
      continue;
    }
    for (graph::ValueId input : node.inputs) {
      if (input != graph::kNoValue) needed[static_cast<size_t>(input)] = true;
    }
  }
  for (size_t v = 0; v < graph.n_values(); ++v) {
    if (needed[v]) continue;
    graph::Fact& fact = graph.fact(static_cast<graph::ValueId>(v));
    fact.constant = nullptr;
    fact.object = Value();
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
