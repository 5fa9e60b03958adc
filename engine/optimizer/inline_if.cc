// Replaces an If whose condition is known by the branch that it takes: exporters write conditions
// that depend on shapes which the model itself fixes.
#include <utility>
#include <vector>

#include "engine/ops/op_context.h"
#include "engine/ops/registry.h"
#include "engine/optimizer/pass.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::kNoValue;
using graph::Node;
using graph::NodeId;
using graph::ValueId;

// The branch that the node takes; null if that is not known.
graph::GraphPtr TakenBranch(const graph::Graph& graph, const Node& node) {
  if (!IsOnnx(node, "If")) return nullptr;
  const TensorPtr& condition = graph.fact(node.inputs[0]).constant;
  if (condition == nullptr || condition->dtype() != DType::kBool || condition->n_elements() != 1) {
    return nullptr;
  }
  const bool is_true = condition->bytes()[0] != std::byte{0};
  auto branch = node.attributes.Subgraph(is_true ? "then_branch" : "else_branch");
  return branch ? *branch : nullptr;
}

// Puts the nodes of one branch into the graph.
class Inliner {
 public:
  Inliner(graph::Graph& graph, const graph::Graph& branch, const Node& node)
      : graph_(graph), branch_(branch), ids_(branch.n_values(), kNoValue) {
    for (const graph::Capture& capture : branch.captures) {
      id(capture.value) = node.inputs[capture.input];
    }
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == kNoValue) continue;
      const ValueId inner = branch.outputs[i];
      const bool is_computed = branch.value(inner).producer != graph::kNoNode;
      if (is_computed && id(inner) == kNoValue) {
        id(inner) = node.outputs[i];
      } else {
        handed_on_.emplace_back(inner, node.outputs[i]);
      }
    }
  }

  Status Run() {
    for (const Node& inner : branch_.nodes()) {
      Node copy = inner;
      for (ValueId& input : copy.inputs) input = Outer(input);
      for (ValueId& output : copy.outputs) output = Outer(output);
      WNN_RETURN_IF_ERROR(Add(std::move(copy)));
    }
    for (const auto& [inner, outer] : handed_on_) {
      Node identity;
      identity.op = ops::FindOp("", "Identity", ops::kNewestOpset);
      identity.op_type = "Identity";
      identity.opset = ops::kNewestOpset;
      identity.inputs = {Outer(inner)};
      identity.outputs = {outer};
      WNN_RETURN_IF_ERROR(Add(std::move(identity)));
    }
    return OkStatus();
  }

 private:
  ValueId& id(ValueId inner) { return ids_[static_cast<size_t>(inner)]; }

  ValueId Outer(ValueId inner) {
    if (inner == kNoValue) return kNoValue;
    if (id(inner) == kNoValue) {
      id(inner) = graph_.AddValue(branch_.value(inner).name, branch_.fact(inner));
    }
    return id(inner);
  }

  Status Add(Node node) {
    const NodeId added = graph_.AddNode(std::move(node));
    return ops::InferNode(graph_, graph_.node(added), graph_.facts());
  }

  graph::Graph& graph_;
  const graph::Graph& branch_;
  std::vector<ValueId> ids_;  // in graph_, by value of the branch
  std::vector<std::pair<ValueId, ValueId>> handed_on_;
};

}  // namespace

Status InlineIf(PassContext& context) {
  graph::Graph& graph = context.graph();
  for (bool again = true; again;) {
    again = false;
    // Those that a branch brings with it come later.
    for (size_t i = 0, n = graph.n_nodes(); i < n; ++i) {
      WNN_RETURN_IF_ERROR(context.stop().Check());
      const NodeId id = static_cast<NodeId>(i);
      if (graph.node(id).removed) continue;
      const graph::GraphPtr branch = TakenBranch(graph, graph.node(id));
      if (branch == nullptr) continue;
      context.Rewrote(graph.node(id), "its condition is known");
      const Node node = graph.node(id);
      graph.RemoveNode(id);
      WNN_RETURN_IF_ERROR(Inliner(graph, *branch, node).Run());
      again = true;
    }
    if (!again) break;
    WNN_RETURN_IF_ERROR(graph.SortAndCompact());
    WNN_RETURN_IF_ERROR(FoldConstants(context));
    WNN_RETURN_IF_ERROR(graph.SortAndCompact());
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
