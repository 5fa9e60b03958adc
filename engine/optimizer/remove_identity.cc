// Removes nodes that hand on their input: Identity, and Dropout outside training.
#include <numeric>
#include <vector>

#include "engine/ops/op_def.h"
#include "engine/optimizer/pass.h"

namespace wnn::optimizer {
namespace {

// Dropout's input that says so is left out, or known to be false.
bool IsOutsideTraining(const graph::Graph& graph, const graph::Node& node) {
  constexpr size_t kTrainingMode = 2;
  if (node.inputs.size() <= kTrainingMode || node.inputs[kTrainingMode] == graph::kNoValue) {
    return true;
  }
  const graph::TensorPtr& mode = graph.fact(node.inputs[kTrainingMode]).constant;
  return mode && mode->n_elements() == 1 && mode->bytes()[0] == std::byte{0};
}

bool HandsOnItsInput(const graph::Graph& graph, const graph::Node& node,
                     const std::vector<int>& uses) {
  if (!node.op->domain.empty()) return false;
  if (node.op->name == "Identity") return true;
  if (node.op->name != "Dropout" || !IsOutsideTraining(graph, node)) return false;
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
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const graph::NodeId id = static_cast<graph::NodeId>(i);
    const graph::Node& node = graph.node(id);
    if (!HandsOnItsInput(graph, node, uses)) continue;
    replacement[static_cast<size_t>(node.outputs[0])] = node.inputs[0];
    context.Rewrote(node, "its readers read its input");
    graph.RemoveNode(id);
  }
  if (context.n_rewrites() > 0) graph.ReplaceUses(replacement);
  return OkStatus();
}

}  // namespace wnn::optimizer
