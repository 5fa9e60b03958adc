// A loaded model: its graph, its packed weights and its plans.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/engine.h"
#include "engine/graph/graph.h"
#include "engine/ops/evaluate_context.h"
#include "engine/ops/pack_cache.h"
#include "engine/plan/op_cache.h"
#include "engine/plan/plan.h"
#include "engine/plan/plan_cache.h"
#include "engine/plan/program.h"

namespace wnn::engine {

// Thread-safe: the graph does not change after loading; the caches lock.
class ModelImpl {
 public:
  static Result<std::unique_ptr<ModelImpl>> Load(std::span<const std::byte> bytes,
                                                 const LoadOptions& options);

  std::span<const ValueInfo> inputs() const { return inputs_; }
  std::span<const ValueInfo> outputs() const { return outputs_; }
  const graph::Graph& graph() const { return graph_; }
  const Limits& limits() const { return limits_; }
  // Null if there is none.
  const ImageDecoder* image_decoder() const { return image_decoder_.get(); }
  size_t memory_bytes() const;

  // Whether plans depend on the value of input i.
  bool InputNeededByValue(size_t i) const {
    return needed_values_[static_cast<size_t>(graph_.inputs[i])];
  }
  // Whether no plan can serve, whatever the inputs are.
  bool needs_interpreter() const { return needs_interpreter_; }
  const plan::Program& program() const { return *program_; }
  plan::OpCache& op_cache() const { return op_cache_; }
  ops::PackCache& pack_cache() const { return pack_cache_; }
  ops::PreparedCache& prepared_cache() const { return prepared_cache_; }
  // The plan for these inputs, from the cache if it is there. Null and errors as plan::MakePlan.
  Result<std::shared_ptr<const plan::Plan>> PlanFor(std::span<const TensorView> inputs,
                                                    const StopCondition& stop) const;

 private:
  explicit ModelImpl(const Limits& limits)
      : limits_(limits), pack_cache_(limits.max_memory_bytes), plan_cache_(kMaxPlans) {}

  void SetOutputInfos(std::vector<ValueInfo> declared);
  Status CheckOutputTypes() const;
  // Makes the plan for batch 1 ahead, which packs the weights, if nothing but a batch is open.
  // Fails only when `stop` says so.
  Status WarmUp(const StopCondition& stop, Logger& log) const;

  static constexpr size_t kMaxPlans = 8;

  const Limits limits_;
  std::shared_ptr<const ImageDecoder> image_decoder_;
  graph::Graph graph_;
  std::vector<ValueInfo> inputs_;
  std::vector<ValueInfo> outputs_;
  std::vector<bool> needed_values_;
  bool needs_interpreter_ = false;
  std::unique_ptr<const plan::Program> program_;  // of graph_
  mutable plan::OpCache op_cache_;
  mutable ops::PackCache pack_cache_;
  mutable ops::PreparedCache prepared_cache_;
  mutable plan::PlanCache plan_cache_;
};

}  // namespace wnn::engine
