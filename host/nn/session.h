// One guest's WASI-NN state: its graphs and execution contexts behind u32 handles. Knows nothing of
// an ABI: host/abi/ reads guest memory and calls this.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/base/memory_budget.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"
#include "host/nn/environment.h"
#include "host/nn/graph_cache.h"
#include "host/nn/state_links.h"
#include "host/nn/timings.h"

namespace wnn::nn {

using Handle = uint32_t;

// What one guest may have of the host.
struct SessionLimits {
  uint32_t max_graphs = 1024;
  uint32_t max_contexts = 65536;
  // Host memory in all: weights of the models that the guest brought along, tensors and working
  // memory of its contexts, and, of components, tensors and error texts. Models by name are the
  // host's and do not count.
  uint64_t max_memory_bytes = uint64_t{8} << 30;
  // Of any one load or compute; nothing: only SessionOptions::stop ends them.
  std::optional<std::chrono::nanoseconds> max_call_time = std::nullopt;
};

struct SessionOptions {
  SessionLimits limits;
  // Ends loads and computes early: a deadline or a token for the whole session.
  StopCondition stop;
  CallObserver* observer = nullptr;  // null: nobody listens. Lifetime: outlives the session.
  // Gives bytes that were loaded before the graph that they have. Null: a cache of the session's
  // own; the embedder may share one between sessions.
  std::shared_ptr<GraphCache> graph_cache;
};

// Handles count up from 0 and are never reused; graphs and contexts have separate counts. A context
// keeps its graph alive.
//
// Thread-safe: guests with threads may call from several. No lock is held while a model loads or
// computes; a context that computes answers kBusy to every other call on it.
class Session {
 public:
  Session(std::shared_ptr<Environment> environment, SessionOptions options);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Bytes that the session has loaded and still uses give a new handle to the same graph.
  Result<Handle> Load(std::span<const std::byte> model, Encoding encoding, runtimes::Target target);
  Result<Handle> LoadByName(std::string_view name);
  // Gives the guest a graph that the caller made. It does not count as the guest's memory.
  Result<Handle> PublishGraph(std::shared_ptr<const runtimes::Graph> graph);
  Result<Handle> InitExecutionContext(Handle graph);

  // Makes the handle invalid. Contexts on the graph work on; the last of them frees it.
  Status Unload(Handle graph);
  // Makes the handle invalid and frees the context, and its graph if that was unloaded and this was
  // its last context. kBusy, and nothing happens, while another call uses the context.
  Status FinalizeExecutionContext(Handle context);

  // Copies the tensor into the runtime's input.
  Status SetInput(Handle context, uint32_t index, const TensorView& tensor);
  Status Compute(Handle context);
  // Copies the output's bytes to the front of `buffer` and returns their number. kTooLarge when
  // `buffer` is shorter: then nothing is copied and `*needed_bytes` says how many it takes.
  Result<size_t> GetOutput(Handle context, uint32_t index, std::span<std::byte> buffer,
                           size_t* needed_bytes);

  // As SetInput, but borrows `tensor.data` until the input is set anew or the context ends.
  Status BindInput(Handle context, uint32_t index, const TensorView& tensor);
  // An output where the runtime has it, borrowed until the next call on the context: for callers
  // that let no other thread make one.
  Result<TensorView> Output(Handle context, uint32_t index);
  // What the context computes.
  Result<std::shared_ptr<const runtimes::Graph>> GraphOf(Handle context) const;
  Result<std::shared_ptr<const runtimes::Graph>> FindGraph(Handle graph) const;

  // The shape of an output, as it came out. Errors as Output's.
  Result<Shape> OutputShape(Handle context, uint32_t index);
  // Its element type. Errors as Output's.
  Result<DType> OutputType(Handle context, uint32_t index);

  // From now on, when the context computes again, the input has the value that the output had after
  // the last compute: state that stays on the host. A value that the guest sets counts for the next
  // compute; a compute that fails changes no state. kInvalidArgument when there is no such output
  // or input, or the model's types or shapes exclude each other.
  Status BindOutput(Handle context, uint32_t output, uint32_t input);
  // The input keeps its value from now on. kInvalidArgument when it is bound to no output.
  Status UnbindInput(Handle context, uint32_t input);

  // What the last refused call was told; empty before the first. Of whichever of the guest's
  // threads that was.
  std::string last_error() const;
  void set_last_error(std::string_view text);

  Environment& environment() const { return *environment_; }
  // Where an ABI takes what it holds for the guest from.
  MemoryBudget& memory() const { return *memory_; }
  CallObserver* observer() const { return options_.observer; }  // null: nobody listens

 private:
  // A graph, and what it costs the guest.
  struct HeldGraph {
    std::shared_ptr<const runtimes::Graph> graph;
    std::shared_ptr<MemoryCharge> memory;  // one for all handles of the graph; null for the host's
  };
  struct Context {
    Context(HeldGraph g, std::shared_ptr<MemoryBudget> memory, std::unique_ptr<runtimes::Context> c)
        : graph(std::move(g)),
          state(graph.graph, std::move(memory)),
          runtime_context(std::move(c)) {}
    const HeldGraph graph;  // outlives runtime_context
    StateLinks state;       // outlives runtime_context
    const std::unique_ptr<runtimes::Context> runtime_context;
    std::atomic<bool> in_use{false};
  };
  class ContextUse;

  Result<std::shared_ptr<Context>> FindContext(Handle handle) const;
  Status CheckGiven(uint32_t index, const TensorView& tensor) const;
  // Hands state on before an input is set, or the context computes.
  Status CarryState(const ContextUse& use, std::optional<size_t> set) const;
  // When a call that begins now must end.
  StopCondition StopOfCall() const;
  Result<HeldGraph> Charge(std::shared_ptr<const runtimes::Graph> graph);
  Result<Handle> Publish(HeldGraph graph);

  std::shared_ptr<Environment> environment_;
  SessionOptions options_;
  const std::shared_ptr<MemoryBudget> memory_;
  mutable Mutex mutex_;  // guards the tables
  Handle next_graph_ WNN_GUARDED_BY(mutex_) = 0;
  Handle next_context_ WNN_GUARDED_BY(mutex_) = 0;
  std::unordered_map<Handle, HeldGraph> graphs_ WNN_GUARDED_BY(mutex_);
  // What each graph that came as bytes costs, for as long as it is held.
  std::map<const runtimes::Graph*, std::weak_ptr<MemoryCharge>> charged_ WNN_GUARDED_BY(mutex_);
  std::unordered_map<Handle, std::shared_ptr<Context>> contexts_ WNN_GUARDED_BY(mutex_);
  std::string last_error_ WNN_GUARDED_BY(mutex_);
};

}  // namespace wnn::nn
