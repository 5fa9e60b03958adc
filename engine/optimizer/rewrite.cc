#include "engine/optimizer/rewrite.h"

#include "engine/ops/blocked.h"
#include "engine/ops/op_context.h"
#include "engine/ops/registry.h"

namespace wnn::optimizer {

using graph::NodeId;
using graph::ValueId;

Readers::Readers(const graph::Graph& graph)
    : counts_(graph.CountUses()), last_(graph.n_values(), graph::kNoNode) {
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    const NodeId id = static_cast<NodeId>(i);
    if (graph.node(id).removed) continue;
    for (ValueId input : graph.node(id).inputs) {
      if (input != graph::kNoValue) last_[static_cast<size_t>(input)] = id;
    }
  }
}

NodeId Readers::Only(const graph::Graph& graph, ValueId value) const {
  const size_t v = static_cast<size_t>(value);
  if (v >= counts_.size() || counts_[v] != 1 || last_[v] == graph::kNoNode) return graph::kNoNode;
  return graph.node(last_[v]).removed ? graph::kNoNode : last_[v];
}

bool IsOnnx(const graph::Node& node, std::string_view name) {
  return !node.removed && node.op->domain.empty() && node.op->name == name;
}

const graph::Node* ProducerOf(const graph::Graph& graph, ValueId value, std::string_view name) {
  const NodeId id = graph.value(value).producer;
  return id != graph::kNoNode && IsOnnx(graph.node(id), name) ? &graph.node(id) : nullptr;
}

bool IsOwn(const graph::Node& node, std::string_view name) {
  return !node.removed && node.op->domain == ops::kOwnDomain && node.op->name == name;
}

bool IsAdd(const graph::Node& node) {
  return IsOnnx(node, "Add") || (IsOnnx(node, "Sum") && node.inputs.size() == 2);
}

bool SameShape(const graph::Fact& a, const graph::Fact& b) {
  if (!a.has_rank || !b.has_rank || a.rank() != b.rank()) return false;
  for (size_t d = 0; d < a.rank(); ++d) {
    if (!graph::SameDim(a.dims[d], b.dims[d])) return false;
  }
  return true;
}

bool HasInput(const graph::Node& node, size_t i) {
  return i < node.inputs.size() && node.inputs[i] != graph::kNoValue;
}

std::span<const float> ConstantFloats(const graph::Fact& fact) {
  if (!fact.constant || fact.dtype != DType::kFloat) return {};
  const auto bytes = fact.constant->bytes();
  return {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)};
}

std::optional<float> ConstantScalar(const graph::Fact& fact) {
  const std::span<const float> floats = ConstantFloats(fact);
  if (floats.size() != 1) return std::nullopt;
  return floats[0];
}

Status AddNode(graph::Graph& graph, NewNode node, ValueId output) {
  graph::Node made;
  made.op = node.op;
  made.op_type = node.op->name;
  made.opset = node.opset;
  made.name = std::move(node.name);
  made.inputs = std::move(node.inputs);
  made.outputs = {output};
  made.attributes = std::move(node.attributes);
  const NodeId id = graph.AddNode(std::move(made));
  return ops::InferNode(graph, graph.node(id), graph.facts());
}

Status ReplaceNode(PassContext& context, NodeId id, NewNode node, std::string_view reason) {
  graph::Graph& graph = context.graph();
  context.Rewrote(graph.node(id), reason);
  const ValueId output = graph.node(id).outputs[0];
  node.name = graph.node(id).name;
  graph.RemoveNode(id);
  return AddNode(graph, std::move(node), output);
}

const ops::OpDef* OwnOp(std::string_view name) { return ops::FindOp(ops::kOwnDomain, name, 1); }

void AbsorbReader(graph::Graph& graph, NodeId node, NodeId reader) {
  const ValueId output = graph.node(reader).outputs[0];
  graph.RemoveNode(reader);
  graph.value(graph.node(node).outputs[0]).producer = graph::kNoNode;
  graph.node(node).outputs[0] = output;
  graph.value(output).producer = node;
}

ValueId AddConstant(graph::Graph& graph, std::string name, Tensor tensor) {
  return graph.AddValue(std::move(name),
                        graph::Fact::Constant(std::make_shared<const Tensor>(std::move(tensor))));
}

}  // namespace wnn::optimizer
