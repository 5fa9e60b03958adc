// Computes what depends on constants alone, once, at load.
#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "engine/ops/op_context.h"
#include "engine/optimizer/pass.h"

namespace wnn::optimizer {
namespace {

// A folded value costs memory for as long as the model lives: larger ones are computed in each run,
// unless they are weights, and so is everything once so much has been folded.
constexpr uint64_t kMaxFoldedBytes = uint64_t{16} << 20;
constexpr uint64_t kMaxFoldedBytesInAll = uint64_t{1} << 30;

// Values that kernels pack if they are constant: the operands, but the first, of products.
std::vector<bool> FindWeights(const graph::Graph& graph) {
  constexpr std::string_view kProducts[] = {"Conv", "ConvTranspose", "Gemm", "MatMul"};
  std::vector<bool> weights(graph.n_values(), false);
  for (const graph::Node& node : graph.nodes()) {
    if (std::find(std::begin(kProducts), std::end(kProducts), node.op_type) ==
        std::end(kProducts)) {
      continue;
    }
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (node.inputs[i] != graph::kNoValue) weights[static_cast<size_t>(node.inputs[i])] = true;
    }
  }
  return weights;
}

bool OutputsConstant(const graph::Graph& graph, const graph::Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](graph::ValueId id) {
    return id == graph::kNoValue || graph.fact(id).IsConstant();
  });
}

uint64_t ConstantBytes(const graph::Graph& graph, const graph::Node& node) {
  uint64_t bytes = 0;
  for (graph::ValueId id : node.outputs) {
    if (id != graph::kNoValue) bytes += graph.fact(id).ConstantValue().size_bytes();
  }
  return bytes;
}

}  // namespace

Status FoldConstants(PassContext& context) {
  graph::Graph& graph = context.graph();
  const std::vector<bool> weights = FindWeights(graph);
  uint64_t budget = std::min(kMaxFoldedBytesInAll, context.limits().max_memory_bytes);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    WNN_RETURN_IF_ERROR(context.stop().Check());
    const graph::NodeId id = static_cast<graph::NodeId>(i);
    const graph::Node& node = graph.node(id);
    // Folding an input may tell more of the output than was known.
    WNN_RETURN_IF_ERROR(ops::InferNode(graph, node, graph.facts(), context.stop()));
    if (!OutputsConstant(graph, node)) {
      if (!ops::CanEvaluate(node, graph.facts())) continue;
      const bool is_weight =
          node.outputs[0] != graph::kNoValue && weights[static_cast<size_t>(node.outputs[0])];
      const uint64_t most = is_weight
                                ? context.limits().max_tensor_bytes
                                : std::min(kMaxFoldedBytes, context.limits().max_tensor_bytes);
      Status status =
          ops::EvaluateNode(graph, node, graph.facts(), std::min(most, budget), context.stop());
      if (!status.ok()) {
        if (status.code() == Code::kTimeout) return status;
        context.Note(node, status.message());
        continue;
      }
    }
    budget -= std::min(budget, ConstantBytes(graph, node));
    context.Rewrote(node, "constant");
    graph.RemoveNode(id);
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
