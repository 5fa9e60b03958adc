// Inference by a runtime of this host, called directly: links with the rest of guest/examples/
// classify into a native program. $WNN_BENCH_RUNTIME is "builtin", "onnxruntime" or "tract",
// $WNN_BENCH_THREADS a number.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <utility>

#include "guest/examples/classify/classifier.h"
#include "host/runtimes/built.h"

namespace wnn::classify {
namespace {

std::unexpected<std::string> Fail(const Status& status) {
  return std::unexpected(std::string(status.message()));
}

class NativeClassifier final : public Classifier {
 public:
  explicit NativeClassifier(std::unique_ptr<runtimes::Context> context)
      : context_(std::move(context)) {}

  Outcome<void> SetInput(std::span<const std::uint32_t> dims,
                         std::span<const float> pixels) override {
    const Shape shape(dims.begin(), dims.end());
    const Status set = context_->SetInput(0, {DType::kFloat, shape, std::as_bytes(pixels)});
    if (!set.ok()) return Fail(set);
    return {};
  }

  Outcome<void> Compute() override {
    const Status computed = context_->Compute({});
    if (!computed.ok()) return Fail(computed);
    return {};
  }

  Outcome<std::span<const float>> Scores() override {
    const auto output = context_->Output(0);
    if (!output) return Fail(output.error());
    if (output->dtype != DType::kFloat) return std::unexpected("the model's output 0 is no floats");
    scores_.resize(output->data.size() / sizeof(float));
    if (!scores_.empty()) std::memcpy(scores_.data(), output->data.data(), output->data.size());
    return scores_;
  }

 private:
  const std::unique_ptr<runtimes::Context> context_;
  std::vector<float> scores_;
};

std::string_view Variable(const char* name, std::string_view otherwise) {
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : value;
}

}  // namespace

Outcome<std::unique_ptr<Classifier>> LoadModel(std::span<const std::byte> model, Target target) {
  auto runtime = runtimes::OpenRuntime(Variable("WNN_BENCH_RUNTIME", "builtin"), {});
  if (!runtime) return Fail(runtime.error());
  runtimes::LoadOptions options;
  options.target = target == Target::kGpu ? runtimes::Target::kGpu : runtimes::Target::kCpu;
  options.n_threads = std::max(1, std::atoi(Variable("WNN_BENCH_THREADS", "1").data()));
  auto graph = (*runtime)->Load(model, options);
  if (!graph) return Fail(graph.error());
  auto context = (*graph)->NewContext();
  if (!context) return Fail(context.error());
  return std::make_unique<NativeClassifier>(std::move(*context));
}

Outcome<std::unique_ptr<Classifier>> LoadGraph(const std::string& name) {
  return std::unexpected("--graph " + name + ": a native program has no host to ask");
}

}  // namespace wnn::classify
