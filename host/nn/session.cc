#include "host/nn/session.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "host/nn/background_discarder.h"

namespace wnn::nn {
// Exclusive use of a context for one call, without waiting: false while another call has it.
class Session::ContextUse {
 public:
  explicit ContextUse(std::shared_ptr<Context> context)
      : context_(std::move(context)), owned_(!context_->in_use.exchange(true)) {}
  ~ContextUse() {
    if (owned_) context_->in_use.store(false);
  }
  ContextUse(const ContextUse&) = delete;
  ContextUse& operator=(const ContextUse&) = delete;

  Status Check() const {
    return owned_ ? OkStatus()
                  : Status(Code::kBusy, "the execution context is in use in another thread");
  }
  runtimes::Context& operator*() const { return *context_->runtime_context; }
  StateLinks& state() const { return context_->state; }

 private:
  std::shared_ptr<Context> context_;
  bool owned_;
};

Session::Session(std::shared_ptr<Environment> environment, SessionOptions options)
    : environment_(std::move(environment)),
      options_(std::move(options)),
      memory_(std::make_shared<MemoryBudget>(options_.limits.max_memory_bytes,
                                             std::make_shared<BackgroundDiscarder>())) {
  if (options_.graph_cache == nullptr) options_.graph_cache = std::make_shared<GraphCache>();
}

Result<Handle> Session::Load(std::span<const std::byte> model, Encoding encoding,
                             runtimes::Target target) {
  CallTimer timer(options_.observer, Call::kLoad);
  WNN_RETURN_IF_ERROR(environment_->CheckLoad(model.size(), encoding, target));
  const StopCondition stop = StopOfCall();
  // A load is limited by what is left when it begins.
  WNN_RETURN_IF_ERROR(memory_->AwaitDiscarded(stop));
  WNN_ASSIGN_OR_RETURN(auto graph, options_.graph_cache->GetOrLoad(model, target, [&] {
    return environment_->Load(model, encoding, target, {stop, memory_->left_bytes()});
  }));
  WNN_ASSIGN_OR_RETURN(HeldGraph held, Charge(std::move(graph)));
  return Publish(std::move(held));
}

StopCondition Session::StopOfCall() const {
  StopCondition stop = options_.stop;
  if (!options_.limits.max_call_time) return stop;
  const auto now = std::chrono::steady_clock::now();
  const auto longest = std::chrono::steady_clock::time_point::max() - now;
  const auto end =
      now + std::min<std::chrono::nanoseconds>(*options_.limits.max_call_time, longest);
  stop.deadline = stop.deadline ? std::min(*stop.deadline, end) : end;
  return stop;
}

Result<Session::HeldGraph> Session::Charge(std::shared_ptr<const runtimes::Graph> graph) {
  MutexLock lock(mutex_);
  std::erase_if(charged_, [](const auto& entry) { return entry.second.expired(); });
  std::weak_ptr<MemoryCharge>& entry = charged_[graph.get()];
  std::shared_ptr<MemoryCharge> memory = entry.lock();
  if (memory == nullptr) {
    memory = std::make_shared<MemoryCharge>(memory_);
    WNN_RETURN_IF_ERROR(memory->Resize(graph->memory_bytes()));
    entry = memory;
  }
  return HeldGraph{std::move(graph), std::move(memory)};
}

Result<Handle> Session::LoadByName(std::string_view name) {
  CallTimer timer(options_.observer, Call::kLoadByName);
  WNN_ASSIGN_OR_RETURN(auto graph, environment_->LoadByName(name));
  return PublishGraph(std::move(graph));
}

Result<Handle> Session::PublishGraph(std::shared_ptr<const runtimes::Graph> graph) {
  return Publish({std::move(graph), nullptr});
}

Result<Handle> Session::Publish(HeldGraph graph) {
  MutexLock lock(mutex_);
  if (graphs_.size() >= options_.limits.max_graphs) {
    return TooLarge("the guest already has " + std::to_string(graphs_.size()) +
                    " graphs, its limit");
  }
  Handle handle = next_graph_++;
  graphs_.emplace(handle, std::move(graph));
  return handle;
}

Result<Handle> Session::InitExecutionContext(Handle graph_handle) {
  CallTimer timer(options_.observer, Call::kInitExecutionContext);
  HeldGraph graph;
  {
    MutexLock lock(mutex_);
    auto it = graphs_.find(graph_handle);
    if (it == graphs_.end()) {
      return InvalidArgument("there is no graph with handle " + std::to_string(graph_handle));
    }
    if (contexts_.size() >= options_.limits.max_contexts) {
      return TooLarge("the guest already has " + std::to_string(contexts_.size()) +
                      " execution contexts, its limit");
    }
    graph = it->second;
  }
  WNN_ASSIGN_OR_RETURN(auto runtime_context, graph.graph->NewContext(memory_));
  auto context = std::make_shared<Context>(std::move(graph), memory_, std::move(runtime_context));
  MutexLock lock(mutex_);
  Handle handle = next_context_++;
  contexts_.emplace(handle, std::move(context));
  return handle;
}

Status Session::Unload(Handle handle) {
  CallTimer timer(options_.observer, Call::kUnload);
  // Freed, if this was its last use, after the lock.
  HeldGraph graph;
  MutexLock lock(mutex_);
  auto it = graphs_.find(handle);
  if (it == graphs_.end()) {
    return InvalidArgument("there is no graph with handle " + std::to_string(handle));
  }
  graph = std::move(it->second);
  graphs_.erase(it);
  return OkStatus();
}

Status Session::FinalizeExecutionContext(Handle handle) {
  CallTimer timer(options_.observer, Call::kFinalizeExecutionContext);
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  std::shared_ptr<Context> removed;
  MutexLock lock(mutex_);
  auto it = contexts_.find(handle);
  if (it == contexts_.end()) {
    return InvalidArgument("there is no execution context with handle " + std::to_string(handle));
  }
  removed = std::move(it->second);
  contexts_.erase(it);
  return OkStatus();
}

Result<std::shared_ptr<Session::Context>> Session::FindContext(Handle handle) const {
  MutexLock lock(mutex_);
  auto it = contexts_.find(handle);
  if (it == contexts_.end()) {
    return InvalidArgument("there is no execution context with handle " + std::to_string(handle));
  }
  return it->second;
}

Status Session::SetInput(Handle handle, uint32_t index, const TensorView& tensor) {
  CallTimer timer(options_.observer, Call::kSetInput);
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  WNN_RETURN_IF_ERROR(CheckGiven(index, tensor));
  WNN_RETURN_IF_ERROR(CarryState(use, index));
  WNN_RETURN_IF_ERROR((*use).SetInput(index, tensor));
  timer.set_bytes_copied(tensor.data.size());
  return OkStatus();
}

Status Session::BindInput(Handle handle, uint32_t index, const TensorView& tensor) {
  CallTimer timer(options_.observer, Call::kSetInput);
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  WNN_RETURN_IF_ERROR(CheckGiven(index, tensor));
  WNN_RETURN_IF_ERROR(CarryState(use, index));
  return (*use).BindInput(index, tensor);
}

Status Session::CarryState(const ContextUse& use, std::optional<size_t> set) const {
  return use.state().Carry(*use, set, environment_->options().limits, options_.observer);
}

Status Session::CheckGiven(uint32_t index, const TensorView& tensor) const {
  const uint64_t max_bytes = environment_->options().limits.max_tensor_bytes;
  if (tensor.data.size() > max_bytes) {
    return TooLarge("input " + std::to_string(index) + " has " +
                    std::to_string(tensor.data.size()) + " bytes, the limit is " +
                    std::to_string(max_bytes));
  }
  return OkStatus();
}

Status Session::Compute(Handle handle) {
  CallTimer timer(options_.observer, Call::kCompute);
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  WNN_RETURN_IF_ERROR(CarryState(use, std::nullopt));
  WNN_RETURN_IF_ERROR((*use).Compute(StopOfCall()));
  use.state().OnComputed();
  return OkStatus();
}

Result<size_t> Session::GetOutput(Handle handle, uint32_t index, std::span<std::byte> buffer,
                                  size_t* needed_bytes) {
  CallTimer timer(options_.observer, Call::kGetOutput);
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  WNN_ASSIGN_OR_RETURN(TensorView output, (*use).Output(index));
  *needed_bytes = output.data.size();
  if (output.data.size() > buffer.size()) {
    return TooLarge("output " + std::to_string(index) + " takes " +
                    std::to_string(output.data.size()) + " bytes, the buffer has " +
                    std::to_string(buffer.size()));
  }
  if (!output.data.empty()) std::memcpy(buffer.data(), output.data.data(), output.data.size());
  timer.set_bytes_copied(output.data.size());
  return output.data.size();
}

Result<TensorView> Session::Output(Handle handle, uint32_t index) {
  CallTimer timer(options_.observer, Call::kGetOutput);
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  return (*use).Output(index);
}

Result<std::shared_ptr<const runtimes::Graph>> Session::GraphOf(Handle handle) const {
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  return context->graph.graph;
}

Result<std::shared_ptr<const runtimes::Graph>> Session::FindGraph(Handle handle) const {
  MutexLock lock(mutex_);
  auto it = graphs_.find(handle);
  if (it == graphs_.end()) {
    return InvalidArgument("there is no graph with handle " + std::to_string(handle));
  }
  return it->second.graph;
}

Result<Shape> Session::OutputShape(Handle handle, uint32_t index) {
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  WNN_ASSIGN_OR_RETURN(const TensorView output, (*use).Output(index));
  return Shape(output.dims.begin(), output.dims.end());
}

Result<DType> Session::OutputType(Handle handle, uint32_t index) {
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  WNN_ASSIGN_OR_RETURN(const TensorView output, (*use).Output(index));
  return output.dtype;
}

Status Session::BindOutput(Handle handle, uint32_t output, uint32_t input) {
  CallTimer timer(options_.observer, Call::kBindOutput);
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  return use.state().Bind(output, input);
}

Status Session::UnbindInput(Handle handle, uint32_t input) {
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  return use.state().Unbind(input);
}

std::string Session::last_error() const {
  MutexLock lock(mutex_);
  return last_error_;
}

void Session::set_last_error(std::string_view text) {
  MutexLock lock(mutex_);
  last_error_ = text;
}

}  // namespace wnn::nn
