// Runs the passes over an imported graph.
#pragma once

#include <span>
#include <string>

#include "engine/optimizer/pass.h"

namespace wnn::optimizer {

// Every pass, in the order in which they run.
std::span<const Pass> Passes();

// Runs every pass whose name is not in `disabled`. Afterwards the graph is sorted and its facts
// hold. kInvalidArgument for a name that no pass has, kTimeout when `stop` says so; errors of the
// passes, which name them.
Status Optimize(graph::Graph& graph, std::span<const std::string> disabled, const Limits& limits,
                const StopCondition& stop, Logger& log);

}  // namespace wnn::optimizer
