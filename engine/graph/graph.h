// The intermediate representation: a directed acyclic graph of nodes (operators applied) joined by
// values (edges).
//
// Thread-compatible. Values and nodes are named by their index, which stays valid until Compact()
// (nodes) or for ever (values).
//
// Invariants, once SortAndCompact() has succeeded:
//  1. Every value has at most one producer: a node, the caller (graph inputs), or nobody
//  (constants, values captured from the graph around).
//  2. Nodes stand in an order in which every value is produced before it is used.
//  3. What the subgraphs of a node capture is among the node's inputs: to count a value's readers,
//  to replace it or to sort nodes, nobody need look into subgraphs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/graph/attributes.h"
#include "engine/graph/fact.h"

namespace wnn::ops {
struct OpDef;
}

namespace wnn::graph {

using ValueId = int32_t;
using NodeId = int32_t;
inline constexpr ValueId kNoValue = -1;  // an optional input or output that is left out
inline constexpr NodeId kNoNode = -1;

struct Value {
  std::string name;
  NodeId producer = kNoNode;
};

struct Node {
  const ops::OpDef* op = nullptr;
  std::string op_type;
  int opset = 0;  // the version of the operator's domain that the model asks for
  std::string name;
  // The operator's inputs, then the values that its subgraphs take from this graph.
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;
  size_t n_captured = 0;  // of `inputs`, at the end
  bool removed = false;

  size_t n_own_inputs() const { return inputs.size() - n_captured; }
};

// A value that a subgraph takes from the graph around it.
struct Capture {
  ValueId value = kNoValue;  // of the subgraph
  size_t input = 0;          // of the node that has the subgraph
};

class Graph {
 public:
  ValueId AddValue(std::string name, Fact fact);
  // Becomes the producer of its outputs.
  NodeId AddNode(Node node);
  // Its outputs keep existing, without a producer. The node goes at the next SortAndCompact().
  void RemoveNode(NodeId id);
  // Every reader of a value v, the graph's outputs included, reads replacement[v] instead, and so
  // on until replacement[v] == v. REQUIRES: one entry a value, no cycles.
  // A rewrite that makes a new node for an old value need not call this: the new node takes the old
  // value as its output.
  void ReplaceUses(std::span<const ValueId> replacement);

  // Drops removed nodes and sorts the others by dependency, otherwise keeping their order.
  // kInvalidArgument, naming a node on it, if there is a cycle; the graph is of no use then.
  Status SortAndCompact();

  // How many node inputs and graph outputs read each value.
  std::vector<int> CountUses() const;

  Value& value(ValueId id) { return values_[static_cast<size_t>(id)]; }
  const Value& value(ValueId id) const { return values_[static_cast<size_t>(id)]; }
  Node& node(NodeId id) { return nodes_[static_cast<size_t>(id)]; }
  const Node& node(NodeId id) const { return nodes_[static_cast<size_t>(id)]; }
  Fact& fact(ValueId id) { return facts_[static_cast<size_t>(id)]; }
  const Fact& fact(ValueId id) const { return facts_[static_cast<size_t>(id)]; }
  // What is known of every value, indexed by ValueId.
  std::span<Fact> facts() { return facts_; }
  std::span<const Fact> facts() const { return facts_; }
  size_t n_values() const { return values_.size(); }
  size_t n_nodes() const { return nodes_.size(); }
  std::span<const Node> nodes() const { return nodes_; }

  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<Capture> captures;  // of a subgraph; values without a producer

 private:
  std::vector<Value> values_;
  std::vector<Fact> facts_;  // as many as values_
  std::vector<Node> nodes_;
};

// Whether an attribute of the node is a graph.
bool HasSubgraphs(const Node& node);

// A name from a model, fit for a message: unprintable bytes replaced, a long name cut.
std::string Printable(std::string_view name);
// The same between quotes.
std::string Quoted(std::string_view name);

// How messages name a node: "node 'conv1'", or "the node of value 'x'" if it has no name.
std::string NodeName(std::string_view name, std::string_view first_output);
// The same with its operator: "node 'conv1' (Conv)".
std::string NodeLabel(const Graph& graph, const Node& node);

}  // namespace wnn::graph
