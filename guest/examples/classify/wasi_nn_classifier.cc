// Inference by the host, through WASI-NN.
#include <utility>

#include "guest/examples/classify/classifier.h"
#include "wasi_nn.hpp"

namespace wnn::classify {
namespace {

class WasiNnClassifier final : public Classifier {
 public:
  explicit WasiNnClassifier(wasi_nn::Context context) : context_(std::move(context)) {}

  Outcome<void> SetInput(std::span<const std::uint32_t> dims,
                         std::span<const float> pixels) override {
    auto set = context_.SetInput(0, dims, pixels);
    if (!set) return std::unexpected(std::move(set.error().message));
    return {};
  }

  Outcome<void> Compute() override {
    auto computed = context_.Compute();
    if (!computed) return std::unexpected(std::move(computed.error().message));
    return {};
  }

  Outcome<std::span<const float>> Scores() override {
    // The last output's size spares the host the question.
    auto scores = context_.GetOutput<float>(0, scores_.size());
    if (!scores) return std::unexpected(std::move(scores.error().message));
    scores_ = std::move(*scores);
    return scores_;
  }

 private:
  const wasi_nn::Context context_;
  std::vector<float> scores_;
};

Outcome<std::unique_ptr<Classifier>> Prepare(const wasi_nn::Result<wasi_nn::Graph>& graph) {
  if (!graph) return std::unexpected(graph.error().message);
  auto context = graph->CreateContext();
  if (!context) return std::unexpected(std::move(context.error().message));
  return std::make_unique<WasiNnClassifier>(std::move(*context));
}

}  // namespace

Outcome<std::unique_ptr<Classifier>> LoadModel(std::span<const std::byte> model, Target target) {
  return Prepare(
      wasi_nn::Graph::Load(model, wasi_nn::Encoding::kOnnx,
                           target == Target::kCpu ? wasi_nn::Target::kCpu : wasi_nn::Target::kGpu));
}

Outcome<std::unique_ptr<Classifier>> LoadGraph(const std::string& name) {
  return Prepare(wasi_nn::Graph::LoadByName(name));
}

}  // namespace wnn::classify
