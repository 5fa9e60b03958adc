#include "host/runtimes/built.h"
#include "tests/conformance/subject.h"

namespace wnn::conformance {
namespace {

// What the host's interface to runtimes has no place for says nothing of ONNX Runtime.
Status SkippedIfOfTheHost(Status error) {
  for (std::string_view words : {"WASI-NN passes only tensors", "is not a tensor of numbers"}) {
    if (error.message().find(words) != std::string_view::npos) {
      return std::move(error).WithContext("skipped");
    }
  }
  return error;
}

class RuntimeSubject final : public Subject {
 public:
  RuntimeSubject(std::shared_ptr<const runtimes::Graph> graph,
                 std::unique_ptr<runtimes::Context> context)
      : graph_(std::move(graph)), context_(std::move(context)) {}

  Result<std::vector<CaseValue>> Run(const std::vector<CaseValue>& inputs) override {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].kind != Kind::kTensor) {
        return Unsupported("skipped: the host hands it tensors of numbers only");
      }
      WNN_RETURN_IF_ERROR(context_->SetInput(i, inputs[i].tensor.view()));
    }
    WNN_RETURN_IF_ERROR(context_->Compute({}));
    std::vector<CaseValue> outputs(graph_->outputs().size());
    for (size_t i = 0; i < outputs.size(); ++i) {
      auto view = context_->Output(i);
      if (!view) return SkippedIfOfTheHost(std::move(view.error()));
      WNN_ASSIGN_OR_RETURN(outputs[i].tensor, Tensor::CopyOf(*view));
    }
    return outputs;
  }

 private:
  const std::shared_ptr<const runtimes::Graph> graph_;
  const std::unique_ptr<runtimes::Context> context_;
};

}  // namespace

std::vector<std::string_view> OtherRuntimes() {
  std::vector<std::string_view> names;
  for (const runtimes::KnownRuntime& known : runtimes::KnownRuntimes()) {
    if (known.is_built() && known.name != "builtin") names.push_back(known.name);
  }
  return names;
}

Result<std::unique_ptr<Subject>> LoadInRuntime(std::string_view name,
                                               std::span<const std::byte> model) {
  static const auto runtime = runtimes::OpenRuntime(name, {});
  if (!runtime) return Status(runtime.error());
  auto graph = (*runtime)->Load(model, {});
  if (!graph) return SkippedIfOfTheHost(std::move(graph.error()));
  WNN_ASSIGN_OR_RETURN(auto context, (*graph)->NewContext());
  return std::unique_ptr<Subject>(
      std::make_unique<RuntimeSubject>(*std::move(graph), std::move(context)));
}

}  // namespace wnn::conformance
