#include "engine/plan/value_needs.h"

#include <algorithm>

#include "engine/ops/op_context.h"

namespace wnn::plan {

std::vector<bool> FindNeededValues(const graph::Graph& graph) {
  std::vector<bool> needed(graph.n_values(), false);
  auto need = [&](graph::ValueId id) {
    if (id != graph::kNoValue) needed[static_cast<size_t>(id)] = true;
  };
  // In reverse order every reader of a value has been seen before its producer.
  for (size_t n = graph.n_nodes(); n-- > 0;) {
    const graph::Node& node = graph.node(static_cast<graph::NodeId>(n));
    for (size_t i = 0; i < node.inputs.size() && i < 32; ++i) {
      const bool by_value = (node.op->value_inputs >> i & 1) != 0;
      if (by_value || ops::IsEvaluated(node, graph.facts())) need(node.inputs[i]);
    }
    if (node.op->shape_only) continue;
    const bool output_needed =
        std::any_of(node.outputs.begin(), node.outputs.end(), [&](graph::ValueId id) {
          return id != graph::kNoValue && needed[static_cast<size_t>(id)];
        });
    if (!output_needed) continue;
    for (graph::ValueId input : node.inputs) need(input);
  }
  return needed;
}

std::vector<bool> DependOnData(const graph::Graph& graph) {
  std::vector<bool> depends(graph.n_values(), false);
  auto set = [&](graph::ValueId id) {
    if (id != graph::kNoValue) depends[static_cast<size_t>(id)] = true;
  };
  for (graph::ValueId id : graph.inputs) set(id);
  for (const graph::Capture& capture : graph.captures) set(capture.value);
  for (const graph::Node& node : graph.nodes()) {
    const bool from_data =
        !node.op->shape_only &&
        (ops::OnlyAtRun(*node.op) ||
         std::any_of(node.inputs.begin(), node.inputs.end(), [&](graph::ValueId id) {
           return id != graph::kNoValue && depends[static_cast<size_t>(id)];
         }));
    if (!from_data) continue;
    for (graph::ValueId id : node.outputs) set(id);
  }
  return depends;
}

}  // namespace wnn::plan
