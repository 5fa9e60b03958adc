// One execution in Tract. Private to this folder.
#pragma once

#include <memory>
#include <vector>

#include "host/runtimes/runtime.h"
#include "host/runtimes/tract/bridge.h"

namespace wnn::runtimes {

class TractContext final : public Context {
 public:
  // `graph` is kept; `model` is its.
  TractContext(std::shared_ptr<const Graph> graph, const wnn_tract_model_t* model,
               uint64_t max_memory_bytes, std::shared_ptr<MemoryBudget> budget);

  Status SetInput(size_t index, const TensorView& value) override;
  Status BindInput(size_t index, const TensorView& value) override {
    return SetInput(index, value);
  }
  Status Compute(const StopCondition& stop) override;
  Result<TensorView> Output(size_t index) const override;
  Result<bool> FeedBack(std::span<const OutputToInput> pairs) override;

 private:
  Status CheckInputsSet() const;
  void ForgetOutputs();

  std::shared_ptr<const Graph> graph_;
  TractContextHandle context_;
  uint64_t max_memory_bytes_;
  std::shared_ptr<MemoryBudget> budget_;  // may be null
  MemoryCharge memory_;                   // what context_ holds
  bool has_outputs_ = false;
};

}  // namespace wnn::runtimes
