// Gemm and MatMul in single precision -> the same on the packed kernels.
#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::NodeId;
using graph::ValueId;

constexpr int kFirstWithNumpyBroadcast = 7;

bool IsFloat(const Fact& fact, size_t min_rank, size_t max_rank) {
  return fact.dtype == DType::kFloat && fact.has_rank && fact.rank() >= min_rank &&
         fact.rank() <= max_rank;
}

bool IsConstantMatrix(const Fact& fact) { return fact.constant && IsFloat(fact, 2, 2); }

Status Replace(PassContext& context, NodeId id, std::string_view op, std::string_view reason,
               graph::Attributes attributes) {
  return ReplaceNode(context, id,
                     {OwnOp(op), 1, {}, context.graph().node(id).inputs, std::move(attributes)},
                     reason);
}

Status ConvertGemm(PassContext& context, NodeId id) {
  const graph::Graph& graph = context.graph();
  const graph::Node& node = graph.node(id);
  if (!IsFloat(graph.fact(node.inputs[0]), 2, 2) || !IsConstantMatrix(graph.fact(node.inputs[1])) ||
      node.opset < kFirstWithNumpyBroadcast) {
    return OkStatus();
  }
  if (HasInput(node, 2)) {
    auto beta = node.attributes.Float("beta", 1.0f);
    if (!beta || *beta != 1 || !IsFloat(graph.fact(node.inputs[2]), 0, 2)) return OkStatus();
  }
  return Replace(context, id, "Gemm", "with packed weights", node.attributes);
}

// MatMul + Add of one number a column -> one product.
void AbsorbBias(PassContext& context, const Readers& readers, ValueId product) {
  graph::Graph& graph = context.graph();
  const NodeId gemm = graph.value(product).producer;
  const NodeId reader = readers.Only(graph, product);
  if (reader == graph::kNoNode || !IsOnnx(graph.node(reader), "Add")) return;
  const graph::Node& add = graph.node(reader);
  const ValueId bias = add.inputs[add.inputs[0] == product ? 1 : 0];
  const Fact& fact = graph.fact(bias);
  if (!fact.constant || !IsFloat(fact, 1, 1) || add.opset < kFirstWithNumpyBroadcast ||
      fact.dims[0].value != graph.fact(product).dims.back().value) {
    return;
  }
  context.Rewrote(add, "the product before it adds the bias");
  AbsorbReader(graph, gemm, reader);
  graph.node(gemm).inputs.push_back(bias);
}

Status ConvertMatMul(PassContext& context, const Readers& readers, NodeId id) {
  const graph::Graph& graph = context.graph();
  const graph::Node& node = graph.node(id);
  const Fact &a = graph.fact(node.inputs[0]), &b = graph.fact(node.inputs[1]);
  if (!IsFloat(a, 2, graph::kMaxRank) || !IsFloat(b, 2, graph::kMaxRank)) return OkStatus();
  if (!IsConstantMatrix(b)) {
    return Replace(context, id, "MatMul", "on the register tile", {});
  }
  const ValueId product = node.outputs[0];
  WNN_RETURN_IF_ERROR(Replace(context, id, "Gemm", "with packed weights", {}));
  AbsorbBias(context, readers, product);
  return OkStatus();
}

}  // namespace

Status UsePackedGemm(PassContext& context) {
  graph::Graph& graph = context.graph();
  const Readers readers(graph);
  const size_t n_nodes = graph.n_nodes();
  for (size_t i = 0; i < n_nodes; ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const NodeId id = static_cast<NodeId>(i);
    if (IsOnnx(graph.node(id), "Gemm")) WNN_RETURN_IF_ERROR(ConvertGemm(context, id));
    if (IsOnnx(graph.node(id), "MatMul")) WNN_RETURN_IF_ERROR(ConvertMatMul(context, readers, id));
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
