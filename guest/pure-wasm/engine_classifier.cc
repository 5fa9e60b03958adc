// Inference by the engine that is linked into the module itself.
#include <cstring>
#include <string_view>
#include <utility>

#include "engine/engine.h"
#include "guest/examples/classify/classifier.h"

namespace wnn::classify {
namespace {

std::unexpected<std::string> Fail(const Status& status) {
  return std::unexpected(std::string(CodeName(status.code())) + ": " +
                         std::string(status.message()));
}

class EngineClassifier final : public Classifier {
 public:
  explicit EngineClassifier(std::unique_ptr<engine::Execution> execution)
      : execution_(std::move(execution)) {}

  Outcome<void> SetInput(std::span<const std::uint32_t> dims,
                         std::span<const float> pixels) override {
    dims_.assign(dims.begin(), dims.end());
    const Status set = execution_->BindInput(0, {DType::kFloat, dims_, std::as_bytes(pixels)});
    if (!set.ok()) return Fail(set);
    return {};
  }

  Outcome<void> Compute() override {
    const Status run = execution_->Run({});
    if (!run.ok()) return Fail(run);
    return {};
  }

  Outcome<std::span<const float>> Scores() override {
    const Result<TensorView> output = execution_->Output(0);
    if (!output) return Fail(output.error());
    if (output->dtype != DType::kFloat) {
      return std::unexpected("the model's output 0 is " +
                             TensorTypeToString(output->dtype, output->dims) + ", not floats");
    }
    scores_.resize(output->data.size() / sizeof(float));
    if (!scores_.empty()) std::memcpy(scores_.data(), output->data.data(), output->data.size());
    return scores_;
  }

 private:
  const std::unique_ptr<engine::Execution> execution_;
  Shape dims_;
  std::vector<float> scores_;
};

}  // namespace

Outcome<std::unique_ptr<Classifier>> LoadModel(std::span<const std::byte> model, Target target) {
  if (target != Target::kCpu) {
    return std::unexpected(
        "--target gpu: this guest computes inside WebAssembly, which has no GPU; leave --target "
        "out, or use classify.wasm, which asks the host");
  }
  auto loaded = engine::Model::Load(model, {});
  if (!loaded) return Fail(loaded.error());
  auto execution = engine::Execution::Create(std::move(*loaded), {});
  if (!execution) return Fail(execution.error());
  return std::make_unique<EngineClassifier>(std::move(*execution));
}

Outcome<std::unique_ptr<Classifier>> LoadGraph(const std::string& name) {
  return std::unexpected("--graph " + name +
                         ": this guest has its engine inside and does not ask the host for graphs; "
                         "use --model FILE, or classify.wasm");
}

}  // namespace wnn::classify
