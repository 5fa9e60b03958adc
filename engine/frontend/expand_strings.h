// Operators of ai.onnx.ml whose classes or categories are strings, by way of those strings' places.
#pragma once

#include "engine/base/status.h"
#include "engine/graph/graph.h"

namespace wnn::frontend {

// Adds the node to the graph. A classifier whose labels are strings gives their places instead,
// which a LabelEncoder makes strings; before a OneHotEncoder of strings a LabelEncoder makes them
// places.
Status AddWithoutStrings(graph::Graph& graph, graph::Node node);

}  // namespace wnn::frontend
