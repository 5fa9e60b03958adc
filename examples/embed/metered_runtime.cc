#include "metered_runtime.h"

#include <string>
#include <utility>

namespace embed {
namespace {

using namespace wnn;  // Status, Result, TensorView, ...

class MeteredContext final : public runtimes::Context {
 public:
  MeteredContext(std::unique_ptr<runtimes::Context> context, std::shared_ptr<Meter> meter)
      : context_(std::move(context)), meter_(std::move(meter)) {}

  Status SetInput(size_t index, const TensorView& value) override {
    return context_->SetInput(index, value);
  }
  Status BindInput(size_t index, const TensorView& value) override {
    return context_->BindInput(index, value);
  }
  Status Compute(const StopCondition& stop) override {
    // The guest sees runtime_error; the message goes to the host's log.
    if (!meter_->Take()) return RuntimeError("the guest's quota of inferences is used up");
    return context_->Compute(stop);
  }
  Result<TensorView> Output(size_t index) const override { return context_->Output(index); }
  Result<bool> FeedBack(std::span<const runtimes::OutputToInput> pairs) override {
    return context_->FeedBack(pairs);
  }

 private:
  std::unique_ptr<runtimes::Context> context_;
  std::shared_ptr<Meter> meter_;
};

class MeteredGraph final : public runtimes::Graph {
 public:
  MeteredGraph(std::shared_ptr<const runtimes::Graph> graph, std::shared_ptr<Meter> meter)
      : graph_(std::move(graph)), meter_(std::move(meter)) {}

  std::span<const ValueInfo> inputs() const override { return graph_->inputs(); }
  std::span<const ValueInfo> outputs() const override { return graph_->outputs(); }
  const runtimes::ModelMetadata& metadata() const override { return graph_->metadata(); }
  uint64_t memory_bytes() const override { return graph_->memory_bytes(); }
  Result<std::unique_ptr<runtimes::Context>> NewContext(
      std::shared_ptr<MemoryBudget> budget) const override {
    WNN_ASSIGN_OR_RETURN(auto context, graph_->NewContext(std::move(budget)));
    return std::unique_ptr<runtimes::Context>(
        std::make_unique<MeteredContext>(std::move(context), meter_));
  }

 private:
  std::shared_ptr<const runtimes::Graph> graph_;
  std::shared_ptr<Meter> meter_;
};

class MeteredRuntime final : public runtimes::Runtime {
 public:
  MeteredRuntime(std::shared_ptr<const runtimes::Runtime> runtime, std::shared_ptr<Meter> meter)
      : runtime_(std::move(runtime)), meter_(std::move(meter)) {}

  std::string_view name() const override { return "metered"; }
  std::string description() const override { return "metered " + runtime_->description(); }
  Result<std::shared_ptr<const runtimes::Graph>> Load(
      std::span<const std::byte> bytes, const runtimes::LoadOptions& options) const override {
    WNN_ASSIGN_OR_RETURN(auto graph, runtime_->Load(bytes, options));
    return std::shared_ptr<const runtimes::Graph>(
        std::make_shared<MeteredGraph>(std::move(graph), meter_));
  }

 private:
  std::shared_ptr<const runtimes::Runtime> runtime_;
  std::shared_ptr<Meter> meter_;
};

}  // namespace

std::shared_ptr<const runtimes::Runtime> MakeMeteredRuntime(
    std::shared_ptr<const runtimes::Runtime> runtime, std::shared_ptr<Meter> meter) {
  return std::make_shared<MeteredRuntime>(std::move(runtime), std::move(meter));
}

}  // namespace embed
