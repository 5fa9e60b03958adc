// A runtime for tests of the layers above runtimes: y = 2x on float tensors of any length, under
// the control of the test.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/runtimes/runtime.h"

namespace wnn::nn {

class FakeRuntime final : public runtimes::Runtime {
 public:
  struct Control {
    std::function<void()> during_compute;  // called inside every Compute
    Status load_status;                    // what Load answers
    uint64_t graph_bytes = 0;              // what a graph says it holds
    uint64_t context_bytes = 0;            // what each context takes
    int n_loads = 0;
    int n_graphs_alive = 0;
    bool last_has_external = false;
    runtimes::Target last_target = runtimes::Target::kCpu;
  };

  explicit FakeRuntime(std::shared_ptr<Control> control) : control_(std::move(control)) {}

  std::string_view name() const override { return "fake"; }
  std::string description() const override { return "fake"; }
  Result<std::shared_ptr<const runtimes::Graph>> Load(
      std::span<const std::byte>, const runtimes::LoadOptions& options) const override {
    ++control_->n_loads;
    control_->last_has_external = options.external != nullptr;
    control_->last_target = options.target;
    if (!control_->load_status.ok()) return control_->load_status;
    return std::shared_ptr<const runtimes::Graph>(std::make_shared<Graph>(control_));
  }

 private:
  class Context final : public runtimes::Context {
   public:
    Context(std::shared_ptr<Control> control, std::shared_ptr<MemoryBudget> budget)
        : control_(std::move(control)), memory_(std::move(budget)) {}
    Status Take(uint64_t bytes) { return memory_.Resize(bytes); }
    Status SetInput(size_t index, const TensorView& value) override {
      if (index != 0) return InvalidArgument("no such input");
      WNN_ASSIGN_OR_RETURN(Tensor copy, Tensor::CopyOf(value));
      input_ = std::move(copy);
      return OkStatus();
    }
    Status BindInput(size_t index, const TensorView& value) override {
      return SetInput(index, value);
    }
    Status Compute(const StopCondition& stop) override {
      if (!input_) return InvalidArgument("input 0 is not set");
      if (control_->during_compute) control_->during_compute();
      WNN_RETURN_IF_ERROR(stop.Check());
      WNN_ASSIGN_OR_RETURN(Tensor output, Tensor::CopyOf(input_->view()));
      auto* values = reinterpret_cast<float*>(output.bytes().data());
      for (int64_t i = 0; i < output.n_elements(); ++i) values[i] *= 2;
      output_ = std::move(output);
      return OkStatus();
    }
    Result<TensorView> Output(size_t index) const override {
      if (index != 0) return InvalidArgument("no such output");
      if (!output_) return RuntimeError("compute first");
      return output_->view();
    }

   private:
    std::shared_ptr<Control> control_;
    MemoryCharge memory_;
    std::optional<Tensor> input_;
    std::optional<Tensor> output_;
  };

  class Graph final : public runtimes::Graph {
   public:
    explicit Graph(std::shared_ptr<Control> control) : control_(std::move(control)) {
      ++control_->n_graphs_alive;
    }
    ~Graph() override { --control_->n_graphs_alive; }
    std::span<const ValueInfo> inputs() const override { return infos_; }
    std::span<const ValueInfo> outputs() const override { return infos_; }
    uint64_t memory_bytes() const override { return control_->graph_bytes; }
    Result<std::unique_ptr<runtimes::Context>> NewContext(
        std::shared_ptr<MemoryBudget> budget) const override {
      auto context = std::make_unique<Context>(control_, std::move(budget));
      WNN_RETURN_IF_ERROR(context->Take(control_->context_bytes));
      return std::unique_ptr<runtimes::Context>(std::move(context));
    }

   private:
    std::shared_ptr<Control> control_;
    std::vector<ValueInfo> infos_{{.name = "x",
                                   .dtype = DType::kFloat,
                                   .has_shape = false,
                                   .dims = {},
                                   .container = nullptr}};
  };

  std::shared_ptr<Control> control_;
};

}  // namespace wnn::nn
