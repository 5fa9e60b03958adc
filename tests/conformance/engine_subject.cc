#include "engine/engine.h"
#include "tests/conformance/subject.h"

namespace wnn::conformance {
namespace {

class EngineSubject final : public Subject {
 public:
  EngineSubject(std::shared_ptr<const engine::Model> model,
                std::unique_ptr<engine::Execution> execution)
      : model_(std::move(model)), execution_(std::move(execution)) {}

  Result<std::vector<CaseValue>> Run(const std::vector<CaseValue>& inputs) override {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].kind != Kind::kTensor)
        return Unsupported("an input is not a tensor of numbers");
      WNN_RETURN_IF_ERROR(execution_->SetInput(i, inputs[i].tensor.view()));
    }
    WNN_RETURN_IF_ERROR(execution_->Run({}));
    std::vector<CaseValue> outputs(model_->outputs().size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      WNN_ASSIGN_OR_RETURN(TensorView view, execution_->Output(i));
      WNN_ASSIGN_OR_RETURN(outputs[i].tensor, Tensor::CopyOf(view));
    }
    return outputs;
  }

 private:
  const std::shared_ptr<const engine::Model> model_;
  const std::unique_ptr<engine::Execution> execution_;
};

}  // namespace

Result<std::unique_ptr<Subject>> LoadInEngine(std::span<const std::byte> model, bool optimize) {
  engine::LoadOptions options;
  options.optimize = optimize;
  WNN_ASSIGN_OR_RETURN(auto loaded, engine::Model::Load(model, options));
  WNN_ASSIGN_OR_RETURN(auto execution, engine::Execution::Create(loaded, {}));
  return std::unique_ptr<Subject>(
      std::make_unique<EngineSubject>(std::move(loaded), std::move(execution)));
}

}  // namespace wnn::conformance
