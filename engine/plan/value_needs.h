// Which values must be known, not only their facts, before a plan can be made.
#pragma once

#include <vector>

#include "engine/graph/graph.h"

namespace wnn::plan {

// For each value, whether some output's shape depends on it: it is an input that an operator wants
// by value (OpDef::value_inputs; every input of an operator with an EvaluateFn), or such a value is
// computed from it. Where the path reaches a graph input, plans are made for that input's value and
// not only for its shape.
std::vector<bool> FindNeededValues(const graph::Graph& graph);

// For each value, whether it depends on the graph's inputs, more than on their shapes.
std::vector<bool> DependOnData(const graph::Graph& graph);

}  // namespace wnn::plan
