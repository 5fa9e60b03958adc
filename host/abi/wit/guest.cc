#include "host/abi/wit/guest.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/base/checked_math.h"
#include "host/abi/wit/types.h"
#include "host/nn/carried_type.h"
#include "host/nn/find_value.h"

namespace wnn::abi {
namespace {

// A guest can only name what it holds, so an unknown number is a mistake of ours.
Status Unknown(std::string_view what) {
  return Internal("the guest holds no such " + std::string(what));
}

}  // namespace

WitGuest::~WitGuest() {
  // Before the tensors that they borrow.
  for (const auto& [handle, context] : contexts_) {
    // Fails only for a handle that is unknown.
    static_cast<void>(session_.FinalizeExecutionContext(handle).ok());
  }
}

// --- what is held ----------------------------------------------------------------------------

Status WitGuest::CheckRoom() const {
  if (tensors_.size() + errors_.size() < kMaxResources) return OkStatus();
  return TooLarge("the guest holds " + std::to_string(kMaxResources) +
                  " tensors and errors, its limit: it must drop some");
}

Status WitGuest::Own(std::span<const std::byte> data, HeldTensor& tensor) {
  WNN_RETURN_IF_ERROR(session_.memory().Take(data.size()));
  auto own = spares_.Buffer(data.size());
  if (!own) {
    session_.memory().Give(data.size());
    return std::move(own.error());
  }
  if (!data.empty()) std::memcpy(own->data(), data.data(), data.size());
  tensor.own = *std::move(own);
  tensor.data = tensor.own.bytes();
  return OkStatus();
}

void WitGuest::Release(HeldTensor tensor) {
  session_.memory().Give(tensor.own.size());
  spares_.Keep(std::move(tensor.own));
  spares_.Keep(std::move(tensor.dims));
}

// --- tensors ---------------------------------------------------------------------------------

Result<Rep> WitGuest::NewTensor(std::span<const uint32_t> dims, DType dtype,
                                std::span<const std::byte> data) {
  nn::CallTimer timer(session_.observer(), nn::Call::kNewTensor);
  WNN_RETURN_IF_ERROR(CheckRoom());
  const Limits& limits = session_.environment().options().limits;
  HeldTensor tensor;
  tensor.dtype = dtype;
  if (dims.size() > limits.max_rank) {
    tensor.unusable = TooLarge("the tensor has " + std::to_string(dims.size()) +
                               " dimensions, the limit is " + std::to_string(limits.max_rank));
  } else if (data.size() > limits.max_tensor_bytes) {
    tensor.unusable = TooLarge("the tensor has " + std::to_string(data.size()) +
                               " bytes, the limit is " + std::to_string(limits.max_tensor_bytes));
  } else {
    tensor.dims = spares_.EmptyShape();
    tensor.dims.assign(dims.begin(), dims.end());
    tensor.unusable = Own(data, tensor);
  }
  if (tensor.unusable.ok()) timer.set_bytes_copied(data.size());
  return tensors_.Put(std::move(tensor));
}

Result<std::span<const uint32_t>> WitGuest::TensorDimensions(Rep rep) {
  const HeldTensor* tensor = tensors_.Find(rep);
  if (tensor == nullptr) return Unknown("tensor");
  WNN_RETURN_IF_ERROR(Status(tensor->unusable));
  dimensions_.clear();
  for (int64_t dim : tensor->dims) {
    if (dim > std::numeric_limits<uint32_t>::max()) {
      return TooLarge("a dimension of " + std::to_string(dim) + " does not fit 32 bits");
    }
    dimensions_.push_back(static_cast<uint32_t>(dim));
  }
  return std::span<const uint32_t>(dimensions_);
}

Result<DType> WitGuest::TensorType(Rep rep) {
  const HeldTensor* tensor = tensors_.Find(rep);
  if (tensor == nullptr) return Unknown("tensor");
  return tensor->dtype;
}

Result<std::span<const std::byte>> WitGuest::TensorData(Rep rep) {
  nn::CallTimer timer(session_.observer(), nn::Call::kReadTensor);
  const HeldTensor* tensor = tensors_.Find(rep);
  if (tensor == nullptr) return Unknown("tensor");
  WNN_RETURN_IF_ERROR(Status(tensor->unusable));
  timer.set_bytes_copied(tensor->data.size());
  return tensor->data;
}

Result<WitGuest::HeldTensor> WitGuest::TakeTensor(Rep rep) {
  std::optional<HeldTensor> tensor = tensors_.Take(rep);
  if (!tensor) return Unknown("tensor");
  if (tensor->lender) {
    std::erase(contexts_.at(*tensor->lender).lent, rep);
    tensor->lender.reset();
  }
  return *std::move(tensor);
}

Status WitGuest::DropTensor(Rep rep) {
  WNN_ASSIGN_OR_RETURN(HeldTensor tensor, TakeTensor(rep));
  Release(std::move(tensor));
  return OkStatus();
}

// --- graphs and contexts -------------------------------------------------------------------------

Result<Rep> WitGuest::Load(size_t n_builders, std::span<const std::byte> first,
                           nn::Encoding encoding, runtimes::Target target) {
  if (n_builders != 1) {
    return InvalidArgument("an ONNX model is one builder, but " + std::to_string(n_builders) +
                           " came");
  }
  return session_.Load(first, encoding, target);
}

Result<Rep> WitGuest::InitExecutionContext(Rep graph) {
  WNN_ASSIGN_OR_RETURN(const nn::Handle handle, session_.InitExecutionContext(graph));
  HeldContext context;
  WNN_ASSIGN_OR_RETURN(context.graph, session_.GraphOf(handle));
  context.inputs.resize(context.graph->inputs().size());
  contexts_.emplace(handle, std::move(context));
  return handle;
}

Result<WitGuest::HeldContext*> WitGuest::FindContext(Rep rep) {
  const auto found = contexts_.find(rep);
  if (found == contexts_.end()) return Unknown("execution context");
  return &found->second;
}

Status WitGuest::DropContext(Rep rep) {
  WNN_ASSIGN_OR_RETURN(HeldContext * context, FindContext(rep));
  TakeBackOutputs(*context);
  WNN_RETURN_IF_ERROR(session_.FinalizeExecutionContext(rep));
  for (HeldTensor& input : context->inputs) Release(std::move(input));
  contexts_.erase(rep);
  return OkStatus();
}

void WitGuest::TakeBackOutputs(HeldContext& context) {
  while (!context.lent.empty()) {
    HeldTensor& tensor = *tensors_.Find(context.lent.back());
    context.lent.pop_back();
    tensor.lender.reset();
    const std::span<const std::byte> lent = std::exchange(tensor.data, {});
    tensor.unusable = Own(lent, tensor);
  }
}

Status WitGuest::BindInput(Rep context_rep, HeldContext& context, std::string_view name,
                           HeldTensor tensor) {
  Status status = [&] {
    WNN_RETURN_IF_ERROR(Status(tensor.unusable));
    // An output that comes back as an input is the runtime's: it may be written over.
    if (tensor.own.size() != tensor.data.size()) {
      WNN_RETURN_IF_ERROR(Own(std::exchange(tensor.data, {}), tensor));
    }
    WNN_ASSIGN_OR_RETURN(const size_t index, nn::FindValue(context.graph->inputs(), name, "input"));
    const DType dtype =
        nn::CarriedType(tensor.dtype, context.graph->inputs()[index].dtype, WitTensorTypes());
    WNN_RETURN_IF_ERROR(session_.BindInput(context_rep, static_cast<uint32_t>(index),
                                           {dtype, tensor.dims, tensor.data}));
    std::swap(tensor, context.inputs[index]);
    return OkStatus();
  }();
  Release(std::move(tensor));  // the one that came, or the one whose place it took
  return status;
}

Status WitGuest::SetInput(Rep context_rep, std::string_view name, Rep tensor_rep) {
  WNN_ASSIGN_OR_RETURN(HeldContext * context, FindContext(context_rep));
  TakeBackOutputs(*context);
  WNN_ASSIGN_OR_RETURN(HeldTensor tensor, TakeTensor(tensor_rep));
  return BindInput(context_rep, *context, name, std::move(tensor));
}

std::vector<NamedTensor>& WitGuest::EmptyInputs() {
  inputs_.clear();
  return inputs_;
}

Result<std::span<const NamedTensor>> WitGuest::Run(Rep context_rep,
                                                   std::span<const NamedTensor> inputs) {
  WNN_ASSIGN_OR_RETURN(HeldContext * context, FindContext(context_rep));
  TakeBackOutputs(*context);
  Status status;
  for (const NamedTensor& input : inputs) {
    WNN_ASSIGN_OR_RETURN(HeldTensor tensor, TakeTensor(input.tensor));
    if (status.ok()) {
      status = BindInput(context_rep, *context, input.name, std::move(tensor));
    } else {
      Release(std::move(tensor));
    }
  }
  WNN_RETURN_IF_ERROR(std::move(status));
  WNN_RETURN_IF_ERROR(session_.Compute(context_rep));
  const std::span<const ValueInfo> declared = context->graph->outputs();
  context->outputs.clear();
  for (size_t i = 0; i < declared.size(); ++i) {
    Result<Rep> output = LendOutput(context_rep, *context, i);
    // What is no tensor of numbers: only who reads it is told.
    if (!output && output.error().code() == Code::kUnsupportedOperation) {
      HeldTensor tensor;
      tensor.dtype = DType::kUint8;
      tensor.unusable = output.error();
      output = tensors_.Put(std::move(tensor));
    }
    if (!output) {
      for (const NamedTensor& made : context->outputs) WNN_RETURN_IF_ERROR(DropTensor(made.tensor));
      return std::move(output.error());
    }
    context->outputs.push_back({declared[i].name, *output});
  }
  return std::span<const NamedTensor>(context->outputs);
}

Status WitGuest::Compute(Rep context_rep) {
  WNN_ASSIGN_OR_RETURN(HeldContext * context, FindContext(context_rep));
  TakeBackOutputs(*context);
  return session_.Compute(context_rep);
}

Result<Rep> WitGuest::GetOutput(Rep context_rep, std::string_view name) {
  WNN_ASSIGN_OR_RETURN(HeldContext * context, FindContext(context_rep));
  WNN_ASSIGN_OR_RETURN(const size_t index,
                       nn::FindValue(context->graph->outputs(), name, "output"));
  return LendOutput(context_rep, *context, index);
}

Result<Rep> WitGuest::LendOutput(Rep context_rep, HeldContext& context, size_t index) {
  WNN_RETURN_IF_ERROR(CheckRoom());
  WNN_ASSIGN_OR_RETURN(const TensorView output,
                       session_.Output(context_rep, static_cast<uint32_t>(index)));
  HeldTensor tensor;
  tensor.dtype = output.dtype;
  tensor.dims = spares_.EmptyShape();
  tensor.dims.assign(output.dims.begin(), output.dims.end());
  tensor.data = output.data;
  tensor.lender = context_rep;
  const Rep rep = tensors_.Put(std::move(tensor));
  context.lent.push_back(rep);
  return rep;
}

// --- our extension -------------------------------------------------------------------------------

Status WitGuest::BindOutput(Rep context_rep, std::string_view output, std::string_view input) {
  WNN_ASSIGN_OR_RETURN(HeldContext * context, FindContext(context_rep));
  WNN_ASSIGN_OR_RETURN(const size_t from,
                       nn::FindValue(context->graph->outputs(), output, "output"));
  WNN_ASSIGN_OR_RETURN(const size_t to, nn::FindValue(context->graph->inputs(), input, "input"));
  return session_.BindOutput(context_rep, static_cast<uint32_t>(from), static_cast<uint32_t>(to));
}

Status WitGuest::UnbindInput(Rep context_rep, std::string_view input) {
  WNN_ASSIGN_OR_RETURN(HeldContext * context, FindContext(context_rep));
  WNN_ASSIGN_OR_RETURN(const size_t index, nn::FindValue(context->graph->inputs(), input, "input"));
  return session_.UnbindInput(context_rep, static_cast<uint32_t>(index));
}

// --- errors --------------------------------------------------------------------------------------

Result<Rep> WitGuest::NewError(WitErrorCode code, std::string_view text) {
  WNN_RETURN_IF_ERROR(CheckRoom());
  WNN_RETURN_IF_ERROR(session_.memory().Take(text.size()));
  return errors_.Put({code, std::string(text)});
}

Result<WitErrorCode> WitGuest::ErrorCode(Rep rep) {
  const HeldError* error = errors_.Find(rep);
  if (error == nullptr) return Unknown("error");
  return error->code;
}

Result<std::string_view> WitGuest::ErrorText(Rep rep) {
  const HeldError* error = errors_.Find(rep);
  if (error == nullptr) return Unknown("error");
  return std::string_view(error->text);
}

Status WitGuest::DropError(Rep rep) {
  const std::optional<HeldError> error = errors_.Take(rep);
  if (!error) return Unknown("error");
  session_.memory().Give(error->text.size());
  return OkStatus();
}

}  // namespace wnn::abi
