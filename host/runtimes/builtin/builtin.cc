#include "host/runtimes/builtin/builtin.h"

#include <map>
#include <string>
#include <utility>

#include "engine/base/mutex.h"
#include "engine/engine.h"
#include "host/runtimes/builtin/thread_pool.h"

namespace wnn::runtimes {
namespace {

class BuiltinContext final : public Context {
 public:
  BuiltinContext(std::shared_ptr<ThreadPool> pool, std::unique_ptr<engine::Execution> execution)
      : pool_(std::move(pool)), execution_(std::move(execution)) {}

  Status SetInput(size_t index, const TensorView& value) override {
    return execution_->SetInput(index, value);
  }
  Status BindInput(size_t index, const TensorView& value) override {
    return execution_->BindInput(index, value);
  }
  Status Compute(const StopCondition& stop) override { return execution_->Run({.stop = stop}); }
  Result<TensorView> Output(size_t index) const override { return execution_->Output(index); }

 private:
  std::shared_ptr<ThreadPool> pool_;  // outlives execution_
  std::unique_ptr<engine::Execution> execution_;
};

class BuiltinGraph final : public Graph {
 public:
  BuiltinGraph(std::shared_ptr<ThreadPool> pool, std::shared_ptr<const engine::Model> model,
               std::shared_ptr<const ModelMetadata> metadata)
      : pool_(std::move(pool)), model_(std::move(model)), metadata_(std::move(metadata)) {}

  std::span<const ValueInfo> inputs() const override { return model_->inputs(); }
  std::span<const ValueInfo> outputs() const override { return model_->outputs(); }
  const ModelMetadata& metadata() const override {
    return metadata_ != nullptr ? *metadata_ : Graph::metadata();
  }
  uint64_t memory_bytes() const override { return model_->memory_bytes(); }
  Result<std::unique_ptr<Context>> NewContext(std::shared_ptr<MemoryBudget> budget) const override {
    WNN_ASSIGN_OR_RETURN(
        auto execution,
        engine::Execution::Create(model_, {.parallel = pool_.get(), .budget = std::move(budget)}));
    return std::unique_ptr<Context>(std::make_unique<BuiltinContext>(pool_, std::move(execution)));
  }

 private:
  std::shared_ptr<ThreadPool> pool_;  // null for one thread
  std::shared_ptr<const engine::Model> model_;
  std::shared_ptr<const ModelMetadata> metadata_;  // may be null
};

class BuiltinRuntime final : public Runtime {
 public:
  explicit BuiltinRuntime(BuiltinOptions options) : options_(std::move(options)) {}

  std::string_view name() const override { return "builtin"; }
  std::string description() const override {
    return "builtin (" + engine::ActiveInstructionSet() + ")";
  }

  Result<std::shared_ptr<const Graph>> Load(std::span<const std::byte> bytes,
                                            const LoadOptions& options) const override {
    if (options.target != Target::kCpu) {
      return Unsupported("the builtin runtime computes on the CPU only");
    }
    engine::LoadOptions engine_options;
    engine_options.limits = options.limits;
    engine_options.log = options.log;
    engine_options.external = options.external;
    engine_options.stop = options.stop;
    // Guests' models have no files beside them either.
    if (options.external != nullptr) engine_options.image_decoder = options_.image_decoder;
    engine_options.disabled_passes = options_.disabled_passes;
    WNN_ASSIGN_OR_RETURN(auto model, engine::Model::Load(bytes, engine_options));
    return std::shared_ptr<const Graph>(std::make_shared<BuiltinGraph>(
        PoolFor(options.n_threads), std::move(model), options.metadata));
  }

 private:
  std::shared_ptr<ThreadPool> PoolFor(int n_threads) const {
    if (n_threads <= 1) return nullptr;
    MutexLock lock(mutex_);
    std::shared_ptr<ThreadPool>& pool = pools_[n_threads];
    if (pool == nullptr) pool = std::make_shared<ThreadPool>(n_threads);
    return pool;
  }

  const BuiltinOptions options_;
  mutable Mutex mutex_;
  mutable std::map<int, std::shared_ptr<ThreadPool>> pools_ WNN_GUARDED_BY(mutex_);
};

}  // namespace

std::shared_ptr<const Runtime> MakeBuiltinRuntime(BuiltinOptions options) {
  return std::make_shared<BuiltinRuntime>(std::move(options));
}

}  // namespace wnn::runtimes
