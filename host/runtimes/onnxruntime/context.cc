#include "host/runtimes/onnxruntime/context.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "engine/base/checked_math.h"

namespace wnn::runtimes {
namespace {

// Tells ONNX Runtime to stop at its next node once the condition holds: a thread of its own, for as
// long as this lives, and only where there is something to wait for.
class Watchdog {
 public:
  Watchdog(const OrtApi* api, OrtRunOptions* run_options, const StopCondition& stop) {
    if (stop.cancel == nullptr && !stop.deadline) return;
    thread_ = std::thread([this, api, run_options, stop] {
      std::unique_lock lock(mutex_);
      while (!done_) {
        if (!stop.Check().ok()) {
          OrtStatus* status = api->RunOptionsSetTerminate(run_options);
          if (status != nullptr) api->ReleaseStatus(status);
          return;
        }
        auto wake = std::chrono::steady_clock::now() + kPoll;
        if (stop.deadline) wake = std::min(wake, *stop.deadline);
        changed_.wait_until(lock, wake);
      }
    });
  }
  ~Watchdog() {
    if (!thread_.joinable()) return;
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  static constexpr std::chrono::milliseconds kPoll{5};  // how often the token is looked at

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace

OnnxRuntimeContext::OnnxRuntimeContext(std::shared_ptr<const OnnxRuntimeGraph> graph,
                                       std::shared_ptr<MemoryBudget> budget)
    : graph_(std::move(graph)), api_(graph_->api()), memory_(std::move(budget)) {
  for (const ValueInfo& info : graph_->inputs()) input_names_.push_back(info.name.c_str());
  for (const ValueInfo& info : graph_->outputs()) output_names_.push_back(info.name.c_str());
  inputs_.resize(input_names_.size());
  input_values_.resize(input_names_.size());
  outputs_.resize(output_names_.size());
  output_values_.resize(output_names_.size());
}

Result<std::unique_ptr<Context>> OnnxRuntimeContext::Create(
    std::shared_ptr<const OnnxRuntimeGraph> graph, std::shared_ptr<MemoryBudget> budget) {
  std::unique_ptr<OnnxRuntimeContext> context(
      new OnnxRuntimeContext(std::move(graph), std::move(budget)));
  const OrtApi* api = context->api_;
  WNN_ASSIGN_OR_RETURN(context->cpu_, OrtMake<OrtMemoryInfoHandle>(api, [&](auto** out) {
                         return api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, out);
                       }));
  WNN_ASSIGN_OR_RETURN(context->run_options_, OrtMake<OrtRunOptionsHandle>(api, [&](auto** out) {
                         return api->CreateRunOptions(out);
                       }));
  return std::unique_ptr<Context>(std::move(context));
}

Status OnnxRuntimeContext::CheckSetInput(size_t index, const TensorView& value) const {
  const auto declared = graph_->inputs();
  if (index >= declared.size()) {
    return InvalidArgument("the model has " + std::to_string(declared.size()) +
                           " inputs, none with index " + std::to_string(index));
  }
  WNN_RETURN_IF_ERROR(CheckInput(declared[index], value));
  uint64_t total_bytes = value.data.size();
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (i != index) total_bytes += inputs_[i].storage.bytes().size();
  }
  if (total_bytes > graph_->max_memory_bytes()) {
    return TooLarge("the inputs take " + std::to_string(total_bytes) + " bytes, the limit is " +
                    std::to_string(graph_->max_memory_bytes()));
  }
  return OkStatus();
}

Status OnnxRuntimeContext::Wrap(size_t index, const TensorView& value, std::byte* data) {
  Input& input = inputs_[index];
  input.value.reset();
  input.shape.assign(value.dims.begin(), value.dims.end());
  WNN_ASSIGN_OR_RETURN(input.value, OrtMake<OrtValueHandle>(api_, [&](auto** out) {
                         return api_->CreateTensorWithDataAsOrtValue(
                             cpu_.get(), data, value.data.size(), input.shape.data(),
                             input.shape.size(), DTypeToOrt(value.dtype), out);
                       }));
  input.dtype = value.dtype;
  input.data = {data, value.data.size()};
  input_shapes_changed_ = true;
  input_values_[index] = input.value.get();
  return OkStatus();
}

Status OnnxRuntimeContext::SetInput(size_t index, const TensorView& value) {
  has_outputs_ = false;
  WNN_RETURN_IF_ERROR(CheckSetInput(index, value));
  Input& input = inputs_[index];
  const bool fits = input.value != nullptr && !input.borrowed && input.dtype == value.dtype &&
                    std::ranges::equal(input.shape, value.dims);
  if (!fits) {
    WNN_RETURN_IF_ERROR(TakeMemory(value.data.size()));
    WNN_ASSIGN_OR_RETURN(
        Tensor storage, Tensor::Allocate(value.dtype, Shape(value.dims.begin(), value.dims.end())));
    WNN_RETURN_IF_ERROR(Wrap(index, value, storage.bytes().data()));
    input.storage = std::move(storage);
    input.borrowed = false;
    input.is_fed_back = false;
  }
  if (!value.data.empty()) {
    std::memcpy(input.storage.bytes().data(), value.data.data(), value.data.size());
  }
  return OkStatus();
}

Status OnnxRuntimeContext::BindInput(size_t index, const TensorView& value) {
  has_outputs_ = false;
  WNN_RETURN_IF_ERROR(CheckSetInput(index, value));
  // ONNX Runtime only reads its inputs.
  WNN_RETURN_IF_ERROR(Wrap(index, value, const_cast<std::byte*>(value.data.data())));
  inputs_[index].storage = Tensor();
  inputs_[index].borrowed = true;
  inputs_[index].is_fed_back = false;
  return OkStatus();
}

Status OnnxRuntimeContext::TakeMemory(uint64_t more_bytes) {
  uint64_t bytes = more_bytes;
  for (const Input& input : inputs_) {
    bytes += input.is_fed_back ? input.data.size() : input.storage.bytes().size();
  }
  for (const OutputTensor& output : outputs_) {
    if (output.value != nullptr) bytes += output.view.data.size();
  }
  return memory_.Resize(bytes);
}

Status OnnxRuntimeContext::CheckInputsSet() const {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i].value == nullptr) {
      return InvalidArgument("input " + std::to_string(i) + " ('" + input_names_[i] +
                             "') is not set");
    }
  }
  return OkStatus();
}

void OnnxRuntimeContext::DropOutputs() {
  for (OutputTensor& output : outputs_) output.value.reset();
  std::fill(output_values_.begin(), output_values_.end(), nullptr);
}

// Outputs that ONNX Runtime makes, like those that it is given, lie in the CPU's memory: from a GPU
// it copies them there once.
Status OnnxRuntimeContext::Run(const StopCondition& stop) {
  Watchdog watchdog(api_, run_options_.get(), stop);
  return FromOrtStatus(api_,
                       api_->Run(graph_->session(), run_options_.get(), input_names_.data(),
                                 input_values_.data(), input_values_.size(), output_names_.data(),
                                 output_names_.size(), output_values_.data()));
}

Status OnnxRuntimeContext::Compute(const StopCondition& stop) {
  WNN_RETURN_IF_ERROR(CheckInputsSet());
  WNN_RETURN_IF_ERROR(stop.Check());
  // With shapes as before, the tensors of the last compute are written anew.
  const bool reuses_outputs =
      computed_ && !input_shapes_changed_ && graph_->output_shapes_follow_inputs();
  computed_ = false;
  has_outputs_ = false;
  if (!reuses_outputs) DropOutputs();
  Status status = Run(stop);
  if (!reuses_outputs) {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      outputs_[i].value = OrtValueHandle(output_values_[i], {api_});
    }
  }
  WNN_RETURN_IF_ERROR(FromOrtStatus(api_, api_->RunOptionsUnsetTerminate(run_options_.get())));
  if (!status.ok()) {
    if (Status stopped = stop.Check(); !stopped.ok()) return stopped;
    return status;
  }
  if (!reuses_outputs) {
    WNN_RETURN_IF_ERROR(DescribeOutputs());
    if (Status taken = TakeMemory(0); !taken.ok()) {
      DropOutputs();
      return taken;
    }
  }
  input_shapes_changed_ = false;
  computed_ = true;
  has_outputs_ = true;
  return OkStatus();
}

Status OnnxRuntimeContext::DescribeOutputs() {
  for (size_t i = 0; i < outputs_.size(); ++i) {
    outputs_[i].view = {};
    Status described = DescribeOutput(i);
    if (!described.ok() && described.code() != Code::kUnsupportedOperation) return described;
    outputs_[i].unreadable = std::move(described);
  }
  return OkStatus();
}

Status OnnxRuntimeContext::DescribeOutput(size_t index) {
  OutputTensor& output = outputs_[index];
  const std::string what = "output '" + std::string(output_names_[index]) + "' is ";
  int is_tensor = 0;
  if (output.value != nullptr) {
    WNN_RETURN_IF_ERROR(FromOrtStatus(api_, api_->IsTensor(output.value.get(), &is_tensor)));
  }
  if (is_tensor == 0) return Unsupported(what + "no tensor, and WASI-NN passes only tensors");
  WNN_ASSIGN_OR_RETURN(auto info, OrtMake<OrtTensorInfoHandle>(api_, [&](auto** out) {
                         return api_->GetTensorTypeAndShape(output.value.get(), out);
                       }));
  ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
  size_t rank = 0;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api_, api_->GetTensorElementType(info.get(), &element)));
  WNN_RETURN_IF_ERROR(FromOrtStatus(api_, api_->GetDimensionsCount(info.get(), &rank)));
  output.shape.resize(rank);
  WNN_RETURN_IF_ERROR(
      FromOrtStatus(api_, api_->GetDimensions(info.get(), output.shape.data(), rank)));
  const DType dtype = DTypeFromOrt(element);
  const auto count = ElementCount(output.shape);
  const auto size = count ? DenseBytes(dtype, *count) : std::nullopt;
  if (!size) {
    return Unsupported(what + TensorTypeToString(dtype, output.shape) +
                       ", which is not a tensor of numbers");
  }
  void* data = nullptr;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api_, api_->GetTensorMutableData(output.value.get(), &data)));
  output.view = {dtype, output.shape, {static_cast<const std::byte*>(data), *size}};
  return OkStatus();
}

Result<TensorView> OnnxRuntimeContext::Output(size_t index) const {
  if (index >= outputs_.size()) {
    return InvalidArgument("the model has " + std::to_string(outputs_.size()) +
                           " outputs, none with index " + std::to_string(index));
  }
  if (!has_outputs_) return RuntimeError("nothing was computed for the inputs as they are");
  WNN_RETURN_IF_ERROR(Status(outputs_[index].unreadable));
  return outputs_[index].view;
}

bool OnnxRuntimeContext::IsShared(const OutputToInput& pair,
                                  std::span<const OutputToInput> pairs) const {
  const auto overlap = [](std::span<const std::byte> a, std::span<const std::byte> b) {
    return !a.empty() && !b.empty() && a.data() < b.data() + b.size() &&
           b.data() < a.data() + a.size();
  };
  const std::span<const std::byte> data = outputs_[pair.output].view.data;
  return std::ranges::any_of(inputs_,
                             [&](const Input& input) { return overlap(input.data, data); }) ||
         std::ranges::count(pairs, pair.output, &OutputToInput::output) > 1;
}

Result<bool> OnnxRuntimeContext::FeedBack(std::span<const OutputToInput> pairs) {
  if (!has_outputs_) return RuntimeError("nothing was computed for the inputs as they are");
  // An input that goes straight through the graph is its own output: that must be copied.
  const auto is_shared = [&](const OutputToInput& pair) { return IsShared(pair, pairs); };
  if (std::ranges::any_of(pairs, is_shared)) return false;
  for (const OutputToInput& pair : pairs) {
    OutputTensor& output = outputs_[pair.output];
    Input& input = inputs_[pair.input];
    input.value = std::move(output.value);
    input.storage = Tensor();
    input.borrowed = true;
    input.is_fed_back = true;
    input.dtype = output.view.dtype;
    input.shape = output.shape;
    input.data = output.view.data;
    input_values_[pair.input] = input.value.get();
  }
  // The next compute must make outputs anew: these may be inputs now.
  DropOutputs();
  input_shapes_changed_ = true;
  computed_ = false;
  has_outputs_ = false;
  return true;
}

}  // namespace wnn::runtimes
