#include "host/runtimes/tract/context.h"

#include <algorithm>
#include <string>
#include <utility>

namespace wnn::runtimes {

TractContext::TractContext(std::shared_ptr<const Graph> graph, const wnn_tract_model_t* model,
                           uint64_t max_memory_bytes, std::shared_ptr<MemoryBudget> budget)
    : graph_(std::move(graph)),
      context_(wnn_tract_context_new(model)),
      max_memory_bytes_(max_memory_bytes),
      budget_(budget),
      memory_(std::move(budget)) {}

void TractContext::ForgetOutputs() {
  wnn_tract_context_forget_outputs(context_.get());
  has_outputs_ = false;
}

Status TractContext::SetInput(size_t index, const TensorView& value) {
  const auto declared = graph_->inputs();
  if (index >= declared.size()) {
    return InvalidArgument("the model has " + std::to_string(declared.size()) +
                           " inputs, none with index " + std::to_string(index));
  }
  ForgetOutputs();
  WNN_RETURN_IF_ERROR(CheckInput(declared[index], value));
  const uint64_t bytes = wnn_tract_context_bytes(context_.get()) + value.data.size();
  if (bytes > max_memory_bytes_) {
    return TooLarge("the inputs take " + std::to_string(bytes) + " bytes, the limit is " +
                    std::to_string(max_memory_bytes_));
  }
  WNN_RETURN_IF_ERROR(memory_.Resize(bytes));
  const wnn_tract_tensor_t tensor = {
      static_cast<int32_t>(value.dtype), value.dims.data(), value.dims.size(),
      reinterpret_cast<const uint8_t*>(value.data.data()), value.data.size()};
  Status status = FromTract(wnn_tract_context_set_input(context_.get(), index, &tensor));
  WNN_RETURN_IF_ERROR(memory_.Resize(wnn_tract_context_bytes(context_.get())));
  return status;
}

Status TractContext::CheckInputsSet() const {
  const auto declared = graph_->inputs();
  for (size_t i = 0; i < declared.size(); ++i) {
    if (!wnn_tract_context_has_input(context_.get(), i)) {
      return InvalidArgument("input " + std::to_string(i) + " ('" + declared[i].name +
                             "') is not set");
    }
  }
  return OkStatus();
}

Status TractContext::Compute(const StopCondition& stop) {
  WNN_RETURN_IF_ERROR(CheckInputsSet());
  WNN_RETURN_IF_ERROR(stop.Check());
  ForgetOutputs();
  WNN_RETURN_IF_ERROR(memory_.Resize(wnn_tract_context_bytes(context_.get())));
  const uint64_t left = budget_ != nullptr ? budget_->left_bytes() : max_memory_bytes_;
  const wnn_tract_call_t call = {
      .max_memory_bytes = std::min(left, max_memory_bytes_),
      .env = const_cast<StopCondition*>(&stop),
      .stop = [](void* env) { return static_cast<const StopCondition*>(env)->Holds(); },
      .read_file = nullptr};
  Status status = FromTract(wnn_tract_context_compute(context_.get(), &call));
  if (!status.ok() && status.code() == Code::kTimeout) return stop.Check();
  WNN_RETURN_IF_ERROR(std::move(status));
  if (Status taken = memory_.Resize(wnn_tract_context_bytes(context_.get())); !taken.ok()) {
    ForgetOutputs();
    return taken;
  }
  has_outputs_ = true;
  return OkStatus();
}

Result<TensorView> TractContext::Output(size_t index) const {
  const size_t n_outputs = graph_->outputs().size();
  if (index >= n_outputs) {
    return InvalidArgument("the model has " + std::to_string(n_outputs) +
                           " outputs, none with index " + std::to_string(index));
  }
  wnn_tract_tensor_t tensor;
  if (!has_outputs_ || !wnn_tract_context_output(context_.get(), index, &tensor)) {
    return RuntimeError("nothing was computed for the inputs as they are");
  }
  return TensorView{static_cast<DType>(tensor.type),
                    {tensor.dims, tensor.rank},
                    {reinterpret_cast<const std::byte*>(tensor.data), tensor.len}};
}

Result<bool> TractContext::FeedBack(std::span<const OutputToInput> pairs) {
  for (const OutputToInput& pair : pairs) {
    if (!wnn_tract_context_feed_back(context_.get(), pair.output, pair.input)) {
      return Internal("Tract has no output " + std::to_string(pair.output) + " to feed back");
    }
  }
  ForgetOutputs();
  return true;
}

}  // namespace wnn::runtimes
