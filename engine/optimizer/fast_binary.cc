// Add, Sub and Mul of blocked maps -> the same on the vector kernels: of equal shapes, and Mul by a
// number a channel and image (squeeze and excite).
#include "engine/kernels/blocked/elementwise.h"
#include "engine/ops/blocked.h"
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::NodeId;
using graph::ValueId;
using kernels::BinaryOp;

// Before this version arithmetic operators broadcast by attributes.
constexpr int kFirstWithNumpyBroadcast = 7;

// Whether `scale` holds a number for each channel and image of the blocked map `x`.
bool IsImageScale(const Fact& scale, const Fact& x) {
  return ops::IsBlockedMap(scale) && ops::IsBlockedMap(x) && !scale.constant &&
         scale.dims[1].value == x.dims[1].value && scale.dims[2].value == 1 &&
         scale.dims[3].value == 1 && graph::SameDim(scale.dims[0], x.dims[0]);
}

std::optional<BinaryOp> BinaryOf(const graph::Node& node) {
  if (IsAdd(node)) return BinaryOp::kAdd;
  if (IsOnnx(node, "Sub")) return BinaryOp::kSub;
  if (IsOnnx(node, "Mul")) return BinaryOp::kMul;
  return std::nullopt;
}

Status Replace(PassContext& context, NodeId id, std::string_view op, std::vector<ValueId> inputs,
               graph::Attributes attributes, std::string_view reason) {
  return ReplaceNode(context, id, {OwnOp(op), 1, {}, std::move(inputs), std::move(attributes)},
                     reason);
}

Status Convert(PassContext& context, NodeId id, BinaryOp op) {
  const graph::Graph& graph = context.graph();
  const ValueId a = graph.node(id).inputs[0], b = graph.node(id).inputs[1];
  const Fact &fact_a = graph.fact(a), &fact_b = graph.fact(b);
  if (fact_a.dtype != DType::kFloat || fact_b.dtype != DType::kFloat) return OkStatus();
  if (SameShape(fact_a, fact_b)) {
    graph::Attributes attributes;
    attributes.Set("kind", static_cast<int64_t>(op));
    return Replace(context, id, "Binary", {a, b}, std::move(attributes), "on the vector kernels");
  }
  if (op != BinaryOp::kMul) return OkStatus();
  constexpr std::string_view kReason = "scales the channels of each image";
  if (IsImageScale(fact_b, fact_a)) return Replace(context, id, "ScaleShift", {a, b}, {}, kReason);
  if (IsImageScale(fact_a, fact_b)) return Replace(context, id, "ScaleShift", {b, a}, {}, kReason);
  return OkStatus();
}

}  // namespace

Status UseFastBinary(PassContext& context) {
  const size_t n_nodes = context.graph().n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    const graph::Node& node = context.graph().node(id);
    const std::optional<BinaryOp> op = BinaryOf(node);
    if (!op || node.opset < kFirstWithNumpyBroadcast) continue;
    if (!ops::IsBlockedMap(context.graph().fact(node.outputs[0]))) continue;
    WNN_RETURN_IF_ERROR(Convert(context, id, *op));
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
