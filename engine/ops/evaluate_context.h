// What an EvaluateFn sees of a node: the values of its inputs, where its outputs go, and what the
// run allows it.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/function_ref.h"
#include "engine/base/image_decoder.h"
#include "engine/base/limits.h"
#include "engine/base/mutex.h"
#include "engine/base/parallel.h"
#include "engine/base/stop.h"
#include "engine/ops/op_context.h"
#include "engine/tensor/value.h"

namespace wnn::ops {

// Runs the subgraphs of one node.
class SubgraphRunner {
 public:
  virtual ~SubgraphRunner() = default;
  // The outputs of `body`, a subgraph of the node. REQUIRES: one input for each of the body's.
  virtual Result<std::vector<Value>> Run(const graph::Graph& body, std::vector<Value> inputs) = 0;
};

// What nodes have made of their attributes, once for all runs. Thread-safe.
class PreparedCache {
 public:
  std::shared_ptr<const void> Find(const graph::Node& node);
  void Insert(const graph::Node& node, std::shared_ptr<const void> prepared);

 private:
  Mutex mutex_;
  std::unordered_map<const graph::Node*, std::shared_ptr<const void>> prepared_
      WNN_GUARDED_BY(mutex_);
};

// What a run gives to every node. Borrowed for the run.
struct RunEnvironment {
  Parallel* parallel = nullptr;
  StopCondition stop;
  Limits limits;
  std::shared_ptr<MemoryBudget> budget;  // what all values together may take; null: no limit
  PreparedCache* prepared = nullptr;     // null: nothing is kept
  const ImageDecoder* image_decoder = nullptr;
};

class EvaluateContext : public OpContext {
 public:
  // `inputs` are all inputs of the node, captured ones too, empty where left out; `subgraphs` may
  // be null where the node has none.
  EvaluateContext(const graph::Node& node, std::span<const Fact> facts,
                  std::span<const Value> inputs, const RunEnvironment& environment,
                  SubgraphRunner* subgraphs)
      : OpContext(node, facts),
        inputs_(inputs),
        environment_(environment),
        subgraphs_(subgraphs),
        outputs_(node.outputs.size()) {}

  // Empty if left out.
  const Value& InputValue(size_t i) const;
  // REQUIRES: the input is there and a dense tensor (the InferFn refuses others).
  const Tensor& InputTensor(size_t i) const { return *InputValue(i).tensor(); }
  // The elements of a dense tensor; none if it is left out. REQUIRES: T is their type.
  template <typename T>
  std::span<const T> InputElements(size_t i) const {
    const Tensor* tensor = InputValue(i).tensor();
    if (tensor == nullptr) return {};
    return {reinterpret_cast<const T*>(tensor->bytes().data()), tensor->bytes().size() / sizeof(T)};
  }

  // What InferFn said of output i. REQUIRES: HasOutput(i)
  const Fact& OutputFact(size_t i) const { return facts_[static_cast<size_t>(node_.outputs[i])]; }

  // Uninitialised. kTooLarge over the limits.
  Result<Tensor> Allocate(DType dtype, Shape shape) const;
  // Strings and lists, within the run's budget, to be filled and then finished. Finish() is
  // kTooLarge over the limits. REQUIRES, of strings: as many elements as `shape` has.
  StringTensor NewStrings(Shape shape) const;
  Sequence NewSequence(ValueTypePtr element) const;
  Result<Value> Finish(StringTensor strings) const;
  Result<Value> Finish(Sequence sequence) const;

  // REQUIRES, once the EvaluateFn returns: every output that HasOutput() was set.
  void SetOutput(size_t i, Value value) {
    if (HasOutput(i)) outputs_[i] = std::move(value);
  }

  // What `make` gives, made when the node first runs and kept as long as the model: tables from
  // attributes. T is the same in every call for one operator.
  template <typename T>
  Result<std::shared_ptr<const T>> Prepare(
      FunctionRef<Result<std::shared_ptr<const T>>()> make) const {
    PreparedCache* cache = environment_.prepared;
    std::shared_ptr<const void> found = cache != nullptr ? cache->Find(node_) : nullptr;
    if (found == nullptr) {
      WNN_ASSIGN_OR_RETURN(found, make());
      if (cache != nullptr) cache->Insert(node_, found);
    }
    return std::static_pointer_cast<const T>(std::move(found));
  }

  // Runs the subgraph of that attribute. Errors of its nodes; kInvalidArgument if the attribute is
  // missing or the body has another number of inputs.
  Result<std::vector<Value>> RunSubgraph(std::string_view attribute, std::vector<Value> inputs);

  Parallel& parallel() const { return *environment_.parallel; }
  const StopCondition& stop() const { return environment_.stop; }
  // Null where no operator needs one.
  const ImageDecoder* image_decoder() const { return environment_.image_decoder; }
  const Limits& limits() const { return environment_.limits; }
  const std::shared_ptr<MemoryBudget>& budget() const { return environment_.budget; }

  std::vector<Value>& outputs() { return outputs_; }

 private:
  std::span<const Value> inputs_;
  const RunEnvironment& environment_;
  SubgraphRunner* subgraphs_;
  std::vector<Value> outputs_;
};

// Runs the node's EvaluateFn on `inputs` and returns its outputs, empty where left out. Errors name
// the node. REQUIRES: the facts are those of the inputs, and InferNode() succeeded on them.
Result<std::vector<Value>> EvaluateValues(const graph::Graph& graph, const graph::Node& node,
                                          std::span<const Fact> facts,
                                          std::span<const Value> inputs,
                                          const RunEnvironment& environment,
                                          SubgraphRunner* subgraphs);

}  // namespace wnn::ops
