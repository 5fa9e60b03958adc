// Activations of blocked maps -> the same on the vector kernels; x * Sigmoid(x) (SiLU) and
// x * HardSigmoid(x) (HardSwish) -> one of them.
#include "engine/kernels/blocked/elementwise.h"
#include "engine/ops/blocked.h"
#include "engine/optimizer/bounds.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::NodeId;
using graph::ValueId;
using kernels::UnaryOp;

graph::Attributes UnaryAttributes(UnaryOp op, float alpha = 0, float beta = 0) {
  graph::Attributes attributes;
  attributes.Set("kind", static_cast<int64_t>(op));
  attributes.Set("alpha", alpha);
  attributes.Set("beta", beta);
  return attributes;
}

// What the activation is to the kernels; nothing if it is none of theirs.
std::optional<graph::Attributes> UnaryOf(const graph::Graph& graph, const graph::Node& node) {
  auto number = [&](std::string_view name, float otherwise) {
    return node.attributes.Float(name, otherwise).value_or(otherwise);
  };
  if (const std::optional<kernels::Clamp> bounds = BoundsOf(graph, node)) {
    graph::Attributes attributes = UnaryAttributes(UnaryOp::kClamp);
    attributes.Set(std::string(ops::kClampMin), bounds->min);
    attributes.Set(std::string(ops::kClampMax), bounds->max);
    return attributes;
  }
  if (IsOnnx(node, "Sigmoid")) return UnaryAttributes(UnaryOp::kSigmoid);
  if (IsOnnx(node, "Tanh")) return UnaryAttributes(UnaryOp::kTanh);
  if (IsOnnx(node, "HardSwish")) return UnaryAttributes(UnaryOp::kHardSwish, 1.0f / 6, 0.5f);
  if (IsOnnx(node, "LeakyRelu")) {
    return UnaryAttributes(UnaryOp::kLeakyRelu, number("alpha", 0.01f));
  }
  if (IsOnnx(node, "HardSigmoid")) {
    return UnaryAttributes(UnaryOp::kHardSigmoid, number("alpha", 0.2f), number("beta", 0.5f));
  }
  return std::nullopt;
}

Status Replace(PassContext& context, NodeId id, ValueId x, graph::Attributes attributes,
               std::string_view reason) {
  return ReplaceNode(context, id, {OwnOp("Unary"), 1, {}, {x}, std::move(attributes)}, reason);
}

bool IsProduct(const graph::Node& node) {
  if (!IsOwn(node, "Binary") || node.attributes.Has(ops::kClampMin)) return false;
  return node.attributes.Int("kind", -1).value_or(-1) ==
         static_cast<int64_t>(kernels::BinaryOp::kMul);
}

// The gated form of an activation: x * f(x).
std::optional<UnaryOp> GatedForm(const graph::Node& activation) {
  const int64_t kind = activation.attributes.Int("kind", -1).value_or(-1);
  if (kind == static_cast<int64_t>(UnaryOp::kSigmoid)) return UnaryOp::kSilu;
  if (kind == static_cast<int64_t>(UnaryOp::kHardSigmoid)) return UnaryOp::kHardSwish;
  return std::nullopt;
}

Status FuseGate(PassContext& context, const Readers& readers, NodeId product) {
  graph::Graph& graph = context.graph();
  for (size_t i : {0, 1}) {
    const ValueId x = graph.node(product).inputs[i], gate = graph.node(product).inputs[1 - i];
    const NodeId activation = graph.value(gate).producer;
    if (activation == graph::kNoNode || !IsOwn(graph.node(activation), "Unary") ||
        graph.node(activation).inputs[0] != x || readers.Only(graph, gate) == graph::kNoNode) {
      continue;
    }
    const std::optional<UnaryOp> gated = GatedForm(graph.node(activation));
    if (!gated) continue;
    graph::Attributes attributes = graph.node(activation).attributes;
    attributes.Set("kind", static_cast<int64_t>(*gated));
    graph.RemoveNode(activation);
    return Replace(context, product, x, std::move(attributes), "a gated activation");
  }
  return OkStatus();
}

}  // namespace

Status UseFastUnary(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  const size_t n_nodes = graph.n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    const graph::Node& node = graph.node(id);
    if (IsProduct(node)) {
      WNN_RETURN_IF_ERROR(FuseGate(context, readers, id));
      continue;
    }
    if (node.removed || node.outputs[0] == graph::kNoValue ||
        !ops::IsBlockedMap(graph.fact(node.outputs[0]))) {
      continue;
    }
    auto attributes = UnaryOf(graph, node);
    if (!attributes) continue;
    WNN_RETURN_IF_ERROR(
        Replace(context, id, node.inputs[0], std::move(*attributes), "on the vector kernels"));
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
