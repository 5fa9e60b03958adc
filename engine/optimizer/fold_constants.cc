// Computes what depends on constants alone, once, at load.
#include <algorithm>

#include "engine/ops/op_context.h"
#include "engine/optimizer/pass.h"

namespace wnn::optimizer {
namespace {

// A folded value costs memory for as long as the model lives: larger ones are computed in each run.
constexpr uint64_t kMaxFoldedBytes = uint64_t{16} << 20;

bool OutputsConstant(const graph::Graph& graph, const graph::Node& node) {
  return std::all_of(node.outputs.begin(), node.outputs.end(), [&](graph::ValueId id) {
    return id == graph::kNoValue || graph.fact(id).constant != nullptr;
  });
}

}  // namespace

Status FoldConstants(PassContext& context) {
  graph::Graph& graph = context.graph();
  const uint64_t max_bytes = std::min(kMaxFoldedBytes, context.limits().max_tensor_bytes);
  for (size_t i = 0; i < graph.n_nodes(); ++i) {
    const graph::NodeId id = static_cast<graph::NodeId>(i);
    const graph::Node& node = graph.node(id);
    // Folding an input may tell more of the output than was known.
    WNN_RETURN_IF_ERROR(ops::InferNode(graph, node, graph.facts()));
    if (!OutputsConstant(graph, node)) {
      if (!ops::AllInputsConstant(node, graph.facts())) continue;
      Status status = ops::EvaluateNode(graph, node, graph.facts(), max_bytes);
      if (!status.ok()) {
        context.Note(node, status.message());
        continue;
      }
    }
    context.Rewrote(node, "constant");
    graph.RemoveNode(id);
  }
  return OkStatus();
}

}  // namespace wnn::optimizer
