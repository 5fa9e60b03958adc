#include "engine/plan/execution_impl.h"

#include <algorithm>
#include <cstring>

#include "engine/base/checked_math.h"
#include "engine/base/first_touch.h"
#include "engine/base/stoppable_parallel.h"
#include "engine/kernels/reference/strided_copy.h"

namespace wnn::engine {
namespace {

// The alignment that kernels may assume of a graph input: that of the largest element.
constexpr uintptr_t kInputAlignment = 16;

bool IsAligned(const std::byte* data) {
  return reinterpret_cast<uintptr_t>(data) % kInputAlignment == 0;
}

Status CheckIndex(size_t index, size_t count, std::string_view what) {
  if (index < count) return OkStatus();
  return InvalidArgument("there is no " + std::string(what) + " " + std::to_string(index) +
                         "; the model has " + std::to_string(count));
}

}  // namespace

Status ExecutionImpl::CheckNewInput(size_t index, const TensorView& value) const {
  WNN_RETURN_IF_ERROR(CheckIndex(index, inputs_.size(), "input"));
  const ValueInfo& info = model_.inputs()[index];
  WNN_RETURN_IF_ERROR(CheckInput(info, value));
  const Input& present = inputs_[index];
  if (present.is_set && present.dtype == value.dtype &&
      std::ranges::equal(present.shape, value.dims)) {
    return OkStatus();  // the rest was checked when it had that type first, and costs allocations
  }
  Status size = graph::CheckSize(graph::Fact::Concrete(value.dtype, value.dims));
  if (size.ok() && value.data.size() > model_.limits().max_tensor_bytes) {
    size = TooLarge("its " + std::to_string(value.data.size()) + " bytes are over the limit of " +
                    std::to_string(model_.limits().max_tensor_bytes));
  }
  return std::move(size).WithContext("input " + graph::Quoted(info.name));
}

Result<AlignedBuffer> ExecutionImpl::NewBuffer(const Input& input, size_t size) {
  if (input.own.data() != nullptr && input.own.size() == size) return AlignedBuffer();
  uint64_t total = size;
  for (const Input& other : inputs_) {
    if (&other != &input) total += other.own.size();
  }
  if (total > model_.limits().max_memory_bytes) {
    return TooLarge("the inputs take " + std::to_string(total) + " bytes, over the limit of " +
                    std::to_string(model_.limits().max_memory_bytes));
  }
  WNN_RETURN_IF_ERROR(memory_.Resize(total + arena_.size()));
  return AlignedBuffer::Allocate(size);
}

void ExecutionImpl::SetType(Input& input, const TensorView& value) {
  if (!input.is_set || input.dtype != value.dtype ||
      !std::equal(input.shape.begin(), input.shape.end(), value.dims.begin(), value.dims.end())) {
    types_changed_ = true;
    input.shape.assign(value.dims.begin(), value.dims.end());
    input.dtype = value.dtype;
  }
  input.is_set = true;
  input.object = Value();
}

Status ExecutionImpl::SetInput(size_t index, const TensorView& value) {
  has_outputs_ = false;
  WNN_RETURN_IF_ERROR(CheckNewInput(index, value));
  Input& input = inputs_[index];
  WNN_ASSIGN_OR_RETURN(AlignedBuffer fresh, NewBuffer(input, value.data.size()));
  // The caller may hand back an output that lies in the present buffer: copy before that goes.
  std::byte* to = fresh.data() != nullptr ? fresh.data() : input.own.data();
  if (!value.data.empty()) std::memmove(to, value.data.data(), value.data.size());
  if (fresh.data() != nullptr) input.own = std::move(fresh);
  input.is_borrowed = false;
  input.data = input.own.bytes();
  SetType(input, value);
  return OkStatus();
}

Status ExecutionImpl::SetInput(size_t index, Value value) {
  if (const Tensor* tensor = value.tensor()) return SetInput(index, tensor->view());
  has_outputs_ = false;
  WNN_RETURN_IF_ERROR(CheckIndex(index, inputs_.size(), "input"));
  WNN_RETURN_IF_ERROR(CheckValue(model_.inputs()[index], value));
  Input& input = inputs_[index];
  if (value.size_bytes() > model_.limits().max_memory_bytes - InputBytes()) {
    return TooLarge("the inputs are over the limit of " +
                    std::to_string(model_.limits().max_memory_bytes) + " bytes");
  }
  input = Input();
  input.is_set = true;
  input.object = std::move(value);
  types_changed_ = true;
  return OkStatus();
}

Status ExecutionImpl::BindInput(size_t index, const TensorView& value) {
  has_outputs_ = false;
  WNN_RETURN_IF_ERROR(CheckNewInput(index, value));
  Input& input = inputs_[index];
  if (!IsAligned(value.data.data())) {
    WNN_ASSIGN_OR_RETURN(AlignedBuffer fresh, NewBuffer(input, value.data.size()));
    if (fresh.data() != nullptr) input.own = std::move(fresh);
  }
  input.is_borrowed = true;
  input.data = value.data;
  SetType(input, value);
  return OkStatus();
}

void ExecutionImpl::AlignInputs() {
  for (Input& input : inputs_) {
    input.aligned = input.data.data();
    if (!input.is_borrowed || IsAligned(input.aligned)) continue;
    std::memcpy(input.own.data(), input.data.data(), input.data.size());
    input.aligned = input.own.data();
  }
}

bool ExecutionImpl::ValuesChanged() const {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!model_.InputNeededByValue(i)) continue;
    const Input& input = inputs_[i];
    if (!std::equal(input.data.begin(), input.data.end(), input.planned_value.begin(),
                    input.planned_value.end())) {
      return true;
    }
  }
  return false;
}

bool ExecutionImpl::HasLargeNeededValue() const {
  // Each value costs a plan of its own: only what tells shapes, not data, is worth one.
  constexpr size_t kMaxValueBytes = 4096;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (model_.InputNeededByValue(i) && inputs_[i].data.size() > kMaxValueBytes) return true;
  }
  return false;
}

Status ExecutionImpl::MakePlan(const StopCondition& stop) {
  plan_ = nullptr;
  is_interpreted_ = false;
  std::shared_ptr<const plan::Plan> made;
  if (!model_.needs_interpreter() && !HasLargeNeededValue()) {
    std::vector<TensorView> views;
    for (const Input& input : inputs_) views.push_back({input.dtype, input.shape, input.data});
    WNN_ASSIGN_OR_RETURN(made, model_.PlanFor(views, stop));
  }
  if (made == nullptr) {
    arena_ = AlignedBuffer();
    WNN_RETURN_IF_ERROR(memory_.Resize(InputBytes()));
    is_interpreted_ = true;
    types_changed_ = false;
    return OkStatus();
  }
  // What earlier runs let go may have the arena's room still.
  if (budget_ != nullptr) WNN_RETURN_IF_ERROR(budget_->AwaitDiscarded(stop));
  WNN_RETURN_IF_ERROR(AllocateArena(made->arena_bytes, made->ScratchBytes(parallel_.n_threads())));
  operands_.assign(made->max_operands, nullptr);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!model_.InputNeededByValue(i)) continue;
    inputs_[i].planned_value.assign(inputs_[i].data.begin(), inputs_[i].data.end());
  }
  plan_ = std::move(made);
  types_changed_ = false;
  return OkStatus();
}

uint64_t ExecutionImpl::InputBytes() const {
  uint64_t bytes = 0;
  for (const Input& input : inputs_) bytes += input.own.size() + input.object.size_bytes();
  return bytes;
}

Status ExecutionImpl::AllocateArena(uint64_t arena_bytes, uint64_t scratch_bytes) {
  const uint64_t input_bytes = InputBytes();
  auto total = CheckedAdd(arena_bytes, scratch_bytes);
  auto with_inputs = total ? CheckedAdd(*total, input_bytes) : std::nullopt;
  if (!with_inputs || *with_inputs > model_.limits().max_memory_bytes || *total > SIZE_MAX) {
    return TooLarge("the tensors of one run take " +
                    (with_inputs ? std::to_string(*with_inputs) : "more than 2^64") +
                    " bytes, over the limit of " +
                    std::to_string(model_.limits().max_memory_bytes));
  }
  if (arena_.data() == nullptr || arena_.size() < *total) {
    arena_ = AlignedBuffer();  // never both at once
    WNN_RETURN_IF_ERROR(memory_.Resize(*with_inputs));
    WNN_ASSIGN_OR_RETURN(arena_, AlignedBuffer::Allocate(static_cast<size_t>(*total)));
    arena_is_touched_ = false;
  }
  scratch_ = arena_.data() + arena_bytes;
  return OkStatus();
}

std::byte* ExecutionImpl::Resolve(const plan::Location& location) const {
  switch (location.place) {
    case plan::Place::kNone: return nullptr;
    case plan::Place::kArena: return arena_.data() + location.offset;
    // Inputs and constants are only ever read: no step has them as an output.
    case plan::Place::kInput:
      return const_cast<std::byte*>(inputs_[static_cast<size_t>(location.offset)].aligned);
    case plan::Place::kConstant: return const_cast<std::byte*>(location.constant);
  }
  return nullptr;
}

Status ExecutionImpl::RunSteps(const StopCondition& stop) {
  StoppableParallel parallel(parallel_, stop);
  if (!arena_is_touched_) {
    FirstTouch(arena_.bytes(), parallel);
    WNN_RETURN_IF_ERROR(parallel.Check());
    arena_is_touched_ = true;
  }
  for (const plan::Step& step : plan_->steps) {
    WNN_RETURN_IF_ERROR(parallel.Check());
    const size_t n_operands = step.n_inputs + step.n_outputs;
    for (size_t i = 0; i < n_operands; ++i) {
      operands_[i] = Resolve(plan_->operands[step.first_operand + i]);
    }
    ops::RunArgs args;
    args.inputs = std::span<const std::byte* const>(operands_.data(), step.n_inputs);
    args.outputs = std::span<std::byte* const>(operands_.data() + step.n_inputs, step.n_outputs);
    args.scratch = scratch_;
    args.parallel = &parallel;
    if (Status status = step.op->Run(args); !status.ok()) {
      WNN_RETURN_IF_ERROR(parallel.Check());  // which may have made it fail
      return std::move(status).WithContext(NodeLabel(model_.graph(), *step.node));
    }
  }
  return parallel.Check();
}

Status ExecutionImpl::Run(const RunOptions& options) {
  has_outputs_ = false;
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (!inputs_[i].is_set) {
      return InvalidArgument("input " + graph::Quoted(model_.inputs()[i].name) + " was not set");
    }
  }
  Discard(budget_, std::exchange(values_, {}));
  const bool is_stale = types_changed_ || (!is_interpreted_ && ValuesChanged());
  if (is_stale || (plan_ == nullptr && !is_interpreted_)) {
    WNN_RETURN_IF_ERROR(MakePlan(options.stop));
  }
  if (is_interpreted_) {
    WNN_RETURN_IF_ERROR(Interpret(options.stop));
  } else {
    AlignInputs();
    WNN_RETURN_IF_ERROR(RunSteps(options.stop));
  }
  has_outputs_ = true;
  return OkStatus();
}

Status ExecutionImpl::Interpret(const StopCondition& stop) {
  const uint64_t max_bytes = model_.limits().max_memory_bytes;
  const uint64_t input_bytes = InputBytes();
  StoppableParallel parallel(parallel_, stop);
  ops::RunEnvironment environment;
  environment.parallel = &parallel;
  environment.stop = stop;
  environment.limits = model_.limits();
  environment.prepared = &model_.prepared_cache();
  environment.image_decoder = model_.image_decoder();
  environment.budget =
      std::make_shared<MemoryBudget>(max_bytes - std::min(max_bytes, input_bytes), budget_, stop);
  std::vector<Value> values;
  for (const Input& input : inputs_) {
    values.push_back(input.object);
    if (!input.object.empty()) continue;
    WNN_ASSIGN_OR_RETURN(Tensor copy,
                         Tensor::Allocate(input.dtype, input.shape, environment.budget));
    kernels::CopyBytes(copy.bytes().data(), input.data.data(),
                       static_cast<int64_t>(input.data.size()), parallel);
    values.back() = Value(std::move(copy));
  }
  if (!interpreter_) {
    interpreter_.emplace(model_.program(), model_.op_cache(), &model_.pack_cache());
  }
  WNN_ASSIGN_OR_RETURN(values_, interpreter_->Run(std::move(values), environment));
  return parallel.Check();
}

Result<TensorView> ExecutionImpl::Output(size_t index) const {
  WNN_RETURN_IF_ERROR(CheckIndex(index, model_.outputs().size(), "output"));
  if (!has_outputs_) return RuntimeError("nothing was computed for the inputs as they are");
  if (is_interpreted_) {
    if (const Tensor* tensor = values_[index].tensor()) return tensor->view();
    return Unsupported("output " + graph::Quoted(model_.outputs()[index].name) + " is " +
                       ValueTypeToString(*TypeOf(values_[index])) +
                       ", which is not a tensor of numbers");
  }
  const plan::PlanOutput& output = plan_->outputs[index];
  return TensorView{output.dtype, output.shape, {Resolve(output.location), output.size_bytes}};
}

Result<Value> ExecutionImpl::OutputValue(size_t index) const {
  WNN_RETURN_IF_ERROR(CheckIndex(index, model_.outputs().size(), "output"));
  if (has_outputs_ && is_interpreted_) return values_[index];
  WNN_ASSIGN_OR_RETURN(TensorView view, Output(index));
  WNN_ASSIGN_OR_RETURN(Tensor copy, Tensor::CopyOf(view));
  return Value(std::move(copy));
}

}  // namespace wnn::engine
