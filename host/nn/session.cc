#include "host/nn/session.h"

#include <cstring>
#include <string>
#include <utility>

namespace wnn::nn {
namespace {

// Reports one call's duration and bytes when it ends, whichever way it ends.
class CallTimer {
 public:
  CallTimer(CallObserver* observer, Call call) : observer_(observer), call_(call) {
    if (observer_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~CallTimer() {
    if (observer_ == nullptr) return;
    observer_->OnCall(call_, std::chrono::steady_clock::now() - start_, bytes_copied_);
  }
  CallTimer(const CallTimer&) = delete;
  CallTimer& operator=(const CallTimer&) = delete;

  void set_bytes_copied(uint64_t bytes) { bytes_copied_ = bytes; }

 private:
  CallObserver* observer_;
  Call call_;
  std::chrono::steady_clock::time_point start_;
  uint64_t bytes_copied_ = 0;
};

}  // namespace

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

 private:
  std::shared_ptr<Context> context_;
  bool owned_;
};

Session::Session(std::shared_ptr<Environment> environment, SessionOptions options)
    : environment_(std::move(environment)), options_(std::move(options)) {}

Result<Handle> Session::Load(std::span<const std::byte> model, Encoding encoding,
                             runtimes::Target target) {
  CallTimer timer(options_.observer, Call::kLoad);
  WNN_ASSIGN_OR_RETURN(auto graph, environment_->Load(model, encoding, target));
  return PublishGraph(std::move(graph));
}

Result<Handle> Session::LoadByName(std::string_view name) {
  CallTimer timer(options_.observer, Call::kLoadByName);
  WNN_ASSIGN_OR_RETURN(auto graph, environment_->LoadByName(name));
  return PublishGraph(std::move(graph));
}

Result<Handle> Session::PublishGraph(std::shared_ptr<const runtimes::Graph> graph) {
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
  std::shared_ptr<const runtimes::Graph> graph;
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
  WNN_ASSIGN_OR_RETURN(auto runtime_context, graph->NewContext());
  auto context = std::make_shared<Context>(std::move(graph), std::move(runtime_context));
  MutexLock lock(mutex_);
  Handle handle = next_context_++;
  contexts_.emplace(handle, std::move(context));
  return handle;
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
  if (tensor.data.size() > environment_->options().limits.max_tensor_bytes) {
    return TooLarge("input " + std::to_string(index) + " has " +
                    std::to_string(tensor.data.size()) + " bytes, the limit is " +
                    std::to_string(environment_->options().limits.max_tensor_bytes));
  }
  WNN_RETURN_IF_ERROR((*use).SetInput(index, tensor));
  timer.set_bytes_copied(tensor.data.size());
  return OkStatus();
}

Status Session::Compute(Handle handle) {
  CallTimer timer(options_.observer, Call::kCompute);
  WNN_ASSIGN_OR_RETURN(auto context, FindContext(handle));
  ContextUse use(std::move(context));
  WNN_RETURN_IF_ERROR(use.Check());
  return (*use).Compute(options_.stop);
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

}  // namespace wnn::nn
