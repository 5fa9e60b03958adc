// Removes nodes that hand on their input: Identity, and Dropout outside training.
#include <numeric>
#include <vector>

#include "engine/ops/op_def.h"
#include "engine/optimizer/pass.h"

namespace wnn::optimizer {
namespace {

bool HandsOnItsInput(const graph::Node& node, const std::vector<int>& uses) {
  if (!node.op->domain.empty()) return false;
  if (node.op->name == "Identity") return true;
  if (node.op->name != "Dropout") return false;
  // The mask, if anybody reads it, has to be computed.
  return node.outputs.size() < 2 || node.outputs[1] == graph::kNoValue ||
         uses[static_cast<size_t>(node.outputs[1])] == 0;
}

}  // namespace

Status RemoveIdentity(PassContext& context) {
  graph::Graph& graph = context.graph();
  const std::vector<int> uses = graph.CountUses();
  std::vector<graph::ValueId> replacement(graph.n_values());
  std::iota(replacement.begin(), replacement.end(), 0);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    const graph::NodeId id = static_cast<graph::NodeId>(i);
    const graph::Node& node = graph.node(id);
    if (!HandsOnItsInput(node, uses)) continue;
    replacement[static_cast<size_t>(node.outputs[0])] = node.inputs[0];
    context.Rewrote(node, "its readers read its input");
    graph.RemoveNode(id);
  }
  if (context.n_rewrites() > 0) graph.ReplaceUses(replacement);
  return OkStatus();
}

}  // namespace wnn::optimizer
