// Values in two forms, for passes that move part of a graph to another one: another layout, another
// element type.
//
// A value gets a twin, which holds the same numbers in the other form, in one of two ways:
//  - The node that computed the value gives way to one that computes the twin: the value is
//    *inside* the part that moved.
//  - Somebody inside reads a value that is not: its twin is converted from it, once.
// A pass converts nodes in the graph's order by Replace(), whose inputs it finds by Find() or
// Get(), and calls ConvertBack() at the end, which converts what is inside and still read in its
// own form. So conversions stand only where a value is wanted in the form that it does not have.
#pragma once

#include <string_view>
#include <vector>

#include "engine/optimizer/rewrite.h"

namespace wnn::optimizer {

// Borrows the context, the pass's own.
class Twins {
 public:
  // The other form, and the nodes that convert to it and back. `value` is the fact of a value in
  // its own form. Nodes need neither names nor inputs.
  struct Form {
    std::string_view name;  // goes into the names of what is made
    NewNode (*to)(const graph::Fact& value);
    NewNode (*from)(const graph::Fact& value);
  };

  Twins(PassContext& context, const Form& form);

  // Of all these, REQUIRES: `id` was there when the object was made.

  // The value's twin; kNoValue if it has none.
  graph::ValueId Find(graph::ValueId id) const { return twins_[static_cast<size_t>(id)].value; }
  bool IsInside(graph::ValueId id) const { return twins_[static_cast<size_t>(id)].is_inside; }
  // The twin, converted from the value if it has none. Errors of AddNode().
  Result<graph::ValueId> Get(graph::ValueId id);
  // Makes `twin` the twin of a value that is not inside.
  void Set(graph::ValueId id, graph::ValueId twin) { Slot(id) = {twin, false}; }

  // A new twin for a value whose producer was removed: the caller adds a node that computes it.
  graph::ValueId AddInside(graph::ValueId id);
  // Puts a node that computes the twin of the node's output in the place of node `id`, under its
  // name. Errors of AddNode().
  Status Replace(graph::NodeId id, NewNode node, std::string_view reason);

  // To be called once, at the end. Errors of AddNode().
  Status ConvertBack();

 private:
  struct Twin {
    graph::ValueId value = graph::kNoValue;
    bool is_inside = false;
  };
  Twin& Slot(graph::ValueId id) { return twins_[static_cast<size_t>(id)]; }
  graph::ValueId AddTwin(graph::ValueId id);

  PassContext& context_;
  graph::Graph& graph_;
  const Form form_;
  std::vector<Twin> twins_;  // of the values that there were when the object was made
};

}  // namespace wnn::optimizer
