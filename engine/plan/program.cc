#include "engine/plan/program.h"

#include <algorithm>

#include "engine/ops/op_context.h"
#include "engine/plan/value_needs.h"

namespace wnn::plan {

using graph::kNoValue;
using graph::ValueId;

Program::Program(const graph::Graph& the_graph) : graph(the_graph) {
  std::vector<bool> read_later(graph.n_values(), false);
  for (ValueId id : graph.outputs) read_later[static_cast<size_t>(id)] = true;
  steps.resize(graph.n_nodes());
  for (size_t n = graph.n_nodes(); n-- > 0;) {
    const graph::Node& node = graph.node(static_cast<graph::NodeId>(n));
    Step& step = steps[n];
    step.node = &node;
    for (ValueId id : node.outputs) {
      if (id != kNoValue && !read_later[static_cast<size_t>(id)]) step.unread.push_back(id);
    }
    step.is_last_use.assign(node.inputs.size(), false);
    // Backwards: of a value that is there twice, the last one is the last use.
    for (size_t i = node.inputs.size(); i-- > 0;) {
      const ValueId id = node.inputs[i];
      if (id == kNoValue || read_later[static_cast<size_t>(id)]) continue;
      step.is_last_use[i] = true;
      read_later[static_cast<size_t>(id)] = true;
    }
    for (const auto& [name, attribute] : node.attributes.all()) {
      const auto* body = std::get_if<graph::GraphPtr>(&attribute);
      if (body != nullptr) bodies[body->get()] = std::make_unique<const Program>(**body);
    }
  }
}

bool NeedsInterpreter(const graph::Graph& graph) {
  for (const graph::Fact& fact : graph.facts()) {
    if (fact.container != nullptr || fact.dtype == DType::kString) return true;
  }
  const std::vector<bool> depends = DependOnData(graph);
  return std::any_of(graph.nodes().begin(), graph.nodes().end(), [&](const graph::Node& node) {
    if (graph::HasSubgraphs(node)) return true;
    if (!ops::IsEvaluated(node, graph.facts())) return false;
    return ops::OnlyAtRun(*node.op) ||
           std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId id) {
             return id != kNoValue && depends[static_cast<size_t>(id)];
           });
  });
}

}  // namespace wnn::plan
