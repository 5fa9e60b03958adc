// What passes share: who reads a value, constants as numbers, nodes of our own.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/graph/graph.h"
#include "engine/optimizer/pass.h"

namespace wnn::optimizer {

// The readers of every value when the object was made. Nodes removed since count as none; what
// nodes added since read is not seen.
class Readers {
 public:
  explicit Readers(const graph::Graph& graph);
  // The one node that reads `value`, once; kNoNode if there are more or none, or if `value` is an
  // output of the graph.
  graph::NodeId Only(const graph::Graph& graph, graph::ValueId value) const;

 private:
  std::vector<int> counts_;
  std::vector<graph::NodeId> last_;
};

// Whether the node is ONNX's operator `name`.
bool IsOnnx(const graph::Node& node, std::string_view name);
// Whether the node is the optimiser's own operator `name`.
bool IsOwn(const graph::Node& node, std::string_view name);

// The node that computes `value`, if it is ONNX's operator `name`; null if not.
const graph::Node* ProducerOf(const graph::Graph& graph, graph::ValueId value,
                              std::string_view name);

// Whether the node adds two values: Add, or Sum of two.
bool IsAdd(const graph::Node& node);

// Whether both certainly have the same shape.
bool SameShape(const graph::Fact& a, const graph::Fact& b);

// Whether the node has input i.
bool HasInput(const graph::Node& node, size_t i);

// The numbers of a constant float tensor; empty for any other fact.
std::span<const float> ConstantFloats(const graph::Fact& fact);
// The number in a constant float tensor of one element.
std::optional<float> ConstantScalar(const graph::Fact& fact);

// A node that produces `output`, whose fact is inferred. Errors of ops::InferNode.
struct NewNode {
  const ops::OpDef* op = nullptr;
  int opset = 1;
  std::string name;
  std::vector<graph::ValueId> inputs;
  graph::Attributes attributes;
};
Status AddNode(graph::Graph& graph, NewNode node, graph::ValueId output);

// Puts a node that computes the same output in the place of node `id`, under its name. Errors of
// AddNode().
Status ReplaceNode(PassContext& context, graph::NodeId id, NewNode node, std::string_view reason);

// The definition of the optimiser's own operator. REQUIRES: it exists.
const ops::OpDef* OwnOp(std::string_view name);

// Hands the output of `reader`, a node that goes, to `node`, whose own output only it read.
void AbsorbReader(graph::Graph& graph, graph::NodeId node, graph::NodeId reader);

// A new constant value.
graph::ValueId AddConstant(graph::Graph& graph, std::string name, Tensor tensor);

}  // namespace wnn::optimizer
