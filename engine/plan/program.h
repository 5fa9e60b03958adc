// A graph as the interpreter walks it: its nodes in order, with what each may let go of, and the
// same for every subgraph.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/graph/graph.h"

namespace wnn::plan {

// Immutable and thread-safe. Lifetime: borrows the graph.
struct Program {
  struct Step {
    const graph::Node* node = nullptr;
    // One an input: nobody reads the value after it.
    std::vector<bool> is_last_use;
    std::vector<graph::ValueId> unread;  // outputs that nobody reads
  };

  explicit Program(const graph::Graph& graph);

  const graph::Graph& graph;
  std::vector<Step> steps;
  // The programs of the nodes' subgraphs.
  std::map<const graph::Graph*, std::unique_ptr<const Program>> bodies;
};

// Whether some node must see values, strings or containers that a plan, made before anything is
// computed, cannot know.
bool NeedsInterpreter(const graph::Graph& graph);

}  // namespace wnn::plan
