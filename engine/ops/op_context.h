// What InferFn and CompileFn see of a node: its inputs' facts, its attributes, its opset.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/stoppable_parallel.h"
#include "engine/graph/graph.h"
#include "engine/ops/op_def.h"
#include "engine/ops/pack_cache.h"

namespace wnn::ops {

using graph::Attributes;
using graph::Fact;
using graph::IsKnown;
using graph::TensorPtr;

// A set of element types.
class TypeSet {
 public:
  constexpr TypeSet(std::initializer_list<DType> types) {
    for (DType type : types) bits_ |= 1u << static_cast<unsigned>(type);
  }
  constexpr bool Has(DType type) const { return (bits_ >> static_cast<unsigned>(type) & 1) != 0; }

 private:
  uint32_t bits_ = 0;
};

// Lifetime: borrows the node and the facts (indexed by ValueId).
class OpContext {
 public:
  OpContext(const graph::Node& node, std::span<const Fact> facts) : node_(node), facts_(facts) {}

  const graph::Node& node() const { return node_; }
  std::span<const Fact> facts() const { return facts_; }
  const Attributes& attributes() const { return node_.attributes; }
  int opset() const { return node_.opset; }
  const std::string& op_type() const { return node_.op_type; }
  // Without what subgraphs capture.
  size_t n_inputs() const { return node_.n_own_inputs(); }
  size_t n_outputs() const { return node_.outputs.size(); }

  bool HasInput(size_t i) const { return i < n_inputs() && node_.inputs[i] != graph::kNoValue; }
  bool HasOutput(size_t i) const { return i < n_outputs() && node_.outputs[i] != graph::kNoValue; }
  // REQUIRES: HasInput(i)
  const Fact& Input(size_t i) const { return facts_[static_cast<size_t>(node_.inputs[i])]; }

  // The integers of input i; nothing if it is left out or not constant. See graph::ConstantInts.
  Result<std::optional<std::vector<int64_t>>> InputInts(size_t i) const;

  // kUnsupportedOperation unless the type of input i (if present and known) is in `types`.
  Status RequireType(size_t i, const TypeSet& types) const;
  // kInvalidArgument unless inputs i and j have the same type, or one is left out or unknown.
  Status RequireSameType(size_t i, size_t j) const;
  // kInvalidArgument unless the rank of input i, if known, lies in [min, max].
  Status RequireRank(size_t i, size_t min, size_t max) const;

 protected:
  const graph::Node& node_;
  std::span<const Fact> facts_;
};

class InferContext : public OpContext {
 public:
  InferContext(const graph::Node& node, std::span<const Fact> facts, const StopCondition& stop)
      : OpContext(node, facts), stop_(stop), outputs_(node.outputs.size()) {}

  // Ignored for an output that the node leaves out.
  void SetOutput(size_t i, Fact fact) {
    if (HasOutput(i)) outputs_[i] = std::move(fact);
  }
  std::span<Fact> outputs() { return outputs_; }

  // What is known of the outputs of that attribute's subgraph when its inputs are `inputs`. Errors
  // of its nodes; kInvalidArgument if it has another number of inputs, kTimeout once stopped.
  Result<std::vector<Fact>> InferSubgraph(std::string_view attribute,
                                          std::span<const Fact> inputs) const;

 private:
  const StopCondition& stop_;
  std::vector<Fact> outputs_;
};

// REQUIRES, of every present input and output: IsConcrete().
class CompileContext : public OpContext {
 public:
  // `cache` may be null: packed weights are then not shared.
  CompileContext(const graph::Node& node, std::span<const Fact> facts, PackCache* cache,
                 StoppableParallel& stop)
      : OpContext(node, facts), cache_(cache), stop_(stop) {}

  // Asked by what takes long, such as packing: whoever compiles asks too.
  StoppableParallel& stop() const { return stop_; }

  DType InputType(size_t i) const { return Input(i).dtype; }
  Shape InputShape(size_t i) const { return Input(i).ConcreteShape(); }
  const TensorPtr& InputConstant(size_t i) const { return Input(i).constant; }
  const Fact& Output(size_t i) const { return facts_[static_cast<size_t>(node_.outputs[i])]; }
  Shape OutputShape(size_t i) const { return Output(i).ConcreteShape(); }

  // The packed form of constant input i: see PackCache::Get. REQUIRES: InputConstant(i)
  Result<PackedPtr> Pack(size_t i, std::string_view layout,
                         FunctionRef<Result<AlignedBuffer>()> pack) const;
  // A kernel object that `make` creates from constant input i: see PackCache::GetObject. T says its
  // packed_bytes(). REQUIRES: InputConstant(i)
  template <typename T>
  Result<std::shared_ptr<const T>> PackObject(
      size_t i, std::string_view layout,
      FunctionRef<Result<std::unique_ptr<const T>>()> make) const {
    auto make_any = [&]() -> Result<PackedObject> {
      WNN_ASSIGN_OR_RETURN(std::unique_ptr<const T> made, make());
      WNN_RETURN_IF_ERROR(stop_.Check());  // it may have ended early
      const size_t size_bytes = made->packed_bytes();
      return PackedObject{std::shared_ptr<const T>(std::move(made)), size_bytes};
    };
    WNN_ASSIGN_OR_RETURN(std::shared_ptr<const void> object, GetObject(i, layout, make_any));
    return std::static_pointer_cast<const T>(std::move(object));
  }

 private:
  Result<std::shared_ptr<const void>> GetObject(size_t i, std::string_view layout,
                                                FunctionRef<Result<PackedObject>()> make) const;

  PackCache* cache_;
  StoppableParallel& stop_;
};

// Runs the node's InferFn and stores the facts of its outputs. Errors name the node.
// kInvalidArgument or kUnsupportedOperation for strings and containers that the operator's row does
// not let in.
Status InferNode(const graph::Graph& graph, const graph::Node& node, std::span<Fact> facts,
                 const StopCondition& stop = {});

// InferNode() for every node, in order, on the graph's own facts. kTimeout when `stop` says so.
Status InferGraph(graph::Graph& graph, const StopCondition& stop = {});

// Whether the node is computed by its EvaluateFn, as far as the types of `facts` tell.
bool IsEvaluated(const graph::Node& node, std::span<const Fact> facts);

// Runs the node's CompileFn. Errors name the node. kUnsupportedOperation when a fact is not
// concrete: a shape that depends on data. kTimeout when `stop` says so.
Result<std::unique_ptr<const CompiledOp>> CompileNode(const graph::Graph& graph,
                                                      const graph::Node& node,
                                                      std::span<const Fact> facts, PackCache* cache,
                                                      const StopCondition& stop);

// Computes a node ahead and makes its outputs' facts constant. No-op when InferNode() did that.
// REQUIRES: CanEvaluate(), and InferNode() succeeded on the same facts. Errors as CompileNode;
// kTooLarge when the outputs or the working memory take more than `max_bytes`, kTimeout when `stop`
// says so.
Status EvaluateNode(const graph::Graph& graph, const graph::Node& node, std::span<Fact> facts,
                    uint64_t max_bytes, const StopCondition& stop);

// Whether the node can be computed ahead: every input that it has is constant, or its values do not
// matter; it has no subgraphs.
bool CanEvaluate(const graph::Node& node, std::span<const Fact> facts);

}  // namespace wnn::ops
