// One guest's WASI-NN state: its graphs and execution contexts behind u32 handles. Knows nothing of
// an ABI: host/abi/ reads guest memory and calls this.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"
#include "host/nn/environment.h"
#include "host/nn/timings.h"

namespace wnn::nn {

using Handle = uint32_t;

struct SessionLimits {
  uint32_t max_graphs = 1024;
  uint32_t max_contexts = 65536;
};

struct SessionOptions {
  SessionLimits limits;
  // Ends computes early: a deadline or a token for the whole session.
  StopCondition stop;
  CallObserver* observer = nullptr;  // null: nobody listens. Lifetime: outlives the session.
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

  Result<Handle> Load(std::span<const std::byte> model, Encoding encoding, runtimes::Target target);
  Result<Handle> LoadByName(std::string_view name);
  Result<Handle> InitExecutionContext(Handle graph);

  // Copies the tensor into the runtime's input.
  Status SetInput(Handle context, uint32_t index, const TensorView& tensor);
  Status Compute(Handle context);
  // Copies the output's bytes to the front of `buffer` and returns their number. kTooLarge when
  // `buffer` is shorter: then nothing is copied and `*needed_bytes` says how many it takes.
  Result<size_t> GetOutput(Handle context, uint32_t index, std::span<std::byte> buffer,
                           size_t* needed_bytes);

  Environment& environment() const { return *environment_; }

 private:
  struct Context {
    Context(std::shared_ptr<const runtimes::Graph> g, std::unique_ptr<runtimes::Context> c)
        : graph(std::move(g)), runtime_context(std::move(c)) {}
    const std::shared_ptr<const runtimes::Graph> graph;  // outlives runtime_context
    const std::unique_ptr<runtimes::Context> runtime_context;
    std::atomic<bool> in_use{false};
  };
  class ContextUse;

  Result<Handle> PublishGraph(std::shared_ptr<const runtimes::Graph> graph);
  Result<std::shared_ptr<Context>> FindContext(Handle handle) const;

  std::shared_ptr<Environment> environment_;
  SessionOptions options_;
  mutable Mutex mutex_;  // guards the tables
  Handle next_graph_ WNN_GUARDED_BY(mutex_) = 0;
  Handle next_context_ WNN_GUARDED_BY(mutex_) = 0;
  std::unordered_map<Handle, std::shared_ptr<const runtimes::Graph>> graphs_ WNN_GUARDED_BY(mutex_);
  std::unordered_map<Handle, std::shared_ptr<Context>> contexts_ WNN_GUARDED_BY(mutex_);
};

}  // namespace wnn::nn
