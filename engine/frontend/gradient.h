// Gradient of ai.onnx.preview.training: while a model is read, its node is replaced by the nodes
// that compute it, by reverse accumulation.
#pragma once

#include <vector>

#include "engine/base/function_ref.h"
#include "engine/base/status.h"
#include "engine/graph/graph.h"

namespace wnn::frontend {

struct GradientRequest {
  graph::ValueId y = graph::kNoValue;
  // What y is a function of, and the values of those at which it is differentiated.
  std::vector<graph::ValueId> variables, values;
  // Where the derivatives by the first of the variables go; kNoValue for one that nobody wants.
  std::vector<graph::ValueId> results;
};

// Adds to `graph` the nodes that compute request.results. `count_node` is asked before each, and
// for each node that is looked at, and may refuse. kUnsupportedOperation, naming the node, if an
// operator between the variables and y has no derivative here. REQUIRES: the nodes between them are
// in the graph; as many values as variables.
Status AddGradient(graph::Graph& graph, const GradientRequest& request,
                   FunctionRef<Status()> count_node);

}  // namespace wnn::frontend
