// Gradient of ai.onnx.preview.training: while a model is read, its node is replaced by the nodes
// that compute it, by reverse accumulation.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/base/function_ref.h"
#include "engine/base/status.h"
#include "engine/graph/graph.h"

namespace wnn::frontend {

struct GradientRequest {
  graph::ValueId y = graph::kNoValue;
  // What y is a function of, and the values of those at which it is differentiated; as many.
  std::vector<graph::ValueId> variables, values;
  // Where the derivatives by the first of the variables go; kNoValue for one that nobody wants.
  std::vector<graph::ValueId> results;
  std::string label;  // how messages name the node
};

// Adds to `graph` the nodes that compute the results of all requests, of which one may
// differentiate the results of another. `count_node` is asked before each node that is added or
// looked at, and may refuse. kUnsupportedOperation, naming the node, if an operator between the
// variables and y has no derivative here. REQUIRES: all other nodes are in the graph.
Status AddGradients(graph::Graph& graph, std::span<const GradientRequest> requests,
                    FunctionRef<Status()> count_node);

}  // namespace wnn::frontend
