#include "bench/native_subject.h"

#include <cstring>
#include <utility>
#include <vector>

namespace wnn::bench {
namespace {

class NativeSubject final : public Subject {
 public:
  NativeSubject(SubjectId id, NativeTensors tensors) : id_(std::move(id)), tensors_(tensors) {}

  Status Load(std::shared_ptr<const runtimes::Runtime> runtime, std::span<const std::byte> model) {
    runtime_ = std::move(runtime);
    runtimes::LoadOptions options;
    options.n_threads = id_.n_threads;
    options.target = id_.target;
    Lap lap;
    WNN_ASSIGN_OR_RETURN(graph_, runtime_->Load(model, options));
    WNN_ASSIGN_OR_RETURN(context_, graph_->NewContext());
    setup_[Phase::kLoad] = lap();
    if (graph_->inputs().size() == 1) return OkStatus();
    return Unsupported("the model has " + std::to_string(graph_->inputs().size()) +
                       " inputs; only models with one are timed");
  }

  const SubjectId& id() const override { return id_; }
  const PhaseTimes& setup() const override { return setup_; }

  Status SetInput(const TensorView& input) override {
    input_ = input;
    input_dims_.assign(input.dims.begin(), input.dims.end());
    input_.dims = input_dims_;
    if (tensors_ == NativeTensors::kCopied) return OkStatus();
    return context_->BindInput(0, input_);
  }

  Result<PhaseTimes> Infer() override {
    const bool copies = tensors_ == NativeTensors::kCopied;
    PhaseTimes times;
    Lap total;
    Lap lap;
    if (copies) WNN_RETURN_IF_ERROR(context_->SetInput(0, input_));
    times[Phase::kCopies] = lap();
    WNN_RETURN_IF_ERROR(context_->Compute({}));
    times[Phase::kCompute] = lap();
    WNN_ASSIGN_OR_RETURN(output_, context_->Output(0));
    if (copies) CopyOutput();
    times[Phase::kCopies] += lap();
    times[Phase::kTotal] = total();
    return times;
  }

  TensorView output() override { return output_; }

 private:
  // Into a buffer that is there from the first inference on.
  void CopyOutput() {
    buffer_.resize(output_.data.size());
    if (!buffer_.empty()) std::memcpy(buffer_.data(), output_.data.data(), buffer_.size());
    output_.data = buffer_;
  }

  const SubjectId id_;
  const NativeTensors tensors_;
  PhaseTimes setup_;
  std::shared_ptr<const runtimes::Runtime> runtime_;
  std::shared_ptr<const runtimes::Graph> graph_;
  std::unique_ptr<runtimes::Context> context_;
  TensorView input_;
  Shape input_dims_;
  std::vector<std::byte> buffer_;
  TensorView output_;
};

}  // namespace

Result<std::unique_ptr<Subject>> MakeNativeSubject(SubjectId id,
                                                   std::shared_ptr<const runtimes::Runtime> runtime,
                                                   std::span<const std::byte> model,
                                                   NativeTensors tensors) {
  auto subject = std::make_unique<NativeSubject>(std::move(id), tensors);
  WNN_RETURN_IF_ERROR(subject->Load(std::move(runtime), model));
  return std::unique_ptr<Subject>(std::move(subject));
}

}  // namespace wnn::bench
