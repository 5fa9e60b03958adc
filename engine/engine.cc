#include "engine/engine.h"

#include "engine/kernels/isa.h"
#include "engine/ops/registry.h"
#include "engine/optimizer/optimizer.h"
#include "engine/plan/execution_impl.h"
#include "engine/plan/model_impl.h"

namespace wnn::engine {

Model::Model(std::unique_ptr<ModelImpl> impl) : impl_(std::move(impl)) {}
Model::~Model() = default;

Result<std::shared_ptr<const Model>> Model::Load(std::span<const std::byte> bytes,
                                                 const LoadOptions& options) {
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<ModelImpl> impl, ModelImpl::Load(bytes, options));
  return std::shared_ptr<const Model>(new Model(std::move(impl)));
}

std::span<const ValueInfo> Model::inputs() const { return impl_->inputs(); }
std::span<const ValueInfo> Model::outputs() const { return impl_->outputs(); }
size_t Model::memory_bytes() const { return impl_->memory_bytes(); }

Execution::Execution(std::unique_ptr<ExecutionImpl> impl) : impl_(std::move(impl)) {}
Execution::~Execution() = default;

Result<std::unique_ptr<Execution>> Execution::Create(std::shared_ptr<const Model> model,
                                                     const ExecutionOptions& options) {
  const ModelImpl& impl = *model->impl_;
  return std::unique_ptr<Execution>(
      new Execution(std::make_unique<ExecutionImpl>(std::move(model), impl, options)));
}

Status Execution::SetInput(size_t index, const TensorView& value) {
  return impl_->SetInput(index, value);
}
Status Execution::SetInput(size_t index, Value value) {
  return impl_->SetInput(index, std::move(value));
}
Status Execution::BindInput(size_t index, const TensorView& value) {
  return impl_->BindInput(index, value);
}
Status Execution::Run(const RunOptions& options) { return impl_->Run(options); }
Result<TensorView> Execution::Output(size_t index) const { return impl_->Output(index); }
Result<Value> Execution::OutputValue(size_t index) const { return impl_->OutputValue(index); }

std::string OperatorList() { return ops::ListOps(); }

std::vector<std::string> OptimizerPasses() {
  std::vector<std::string> names;
  for (const optimizer::Pass& pass : optimizer::Passes()) names.emplace_back(pass.name);
  return names;
}

std::string ActiveInstructionSet() { return std::string(kernels::ActiveIsa()); }
std::vector<std::string> InstructionSets() { return kernels::SupportedIsas(); }
Status UseInstructionSet(std::string_view name) { return kernels::RestrictIsa(name); }

}  // namespace wnn::engine
