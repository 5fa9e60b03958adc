// What an inference runtime is to this host: `builtin`, `onnxruntime` and whatever an embedder
// registers implement these three interfaces and nothing else.
//
//   Runtime --Load(model bytes)--> Graph --NewContext()--> Context --Compute--> outputs
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/external_data.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/memory_budget.h"
#include "engine/base/status.h"
#include "engine/base/stop.h"
#include "engine/tensor/tensor.h"
#include "host/runtimes/model_metadata.h"

namespace wnn::runtimes {

enum class Target { kCpu, kGpu, kTpu };

struct LoadOptions {
  Target target = Target::kCpu;
  Limits limits;
  int n_threads = 1;      // for one Compute, the calling thread included; at least 1
  Logger* log = nullptr;  // null drops messages. Lifetime: outlives the graph.
  // Where a host-loaded model's external data are read; null for guest bytes, whose external data
  // is refused (kSecurity). Runtimes open no files themselves. Borrowed for the call.
  ExternalData* external = nullptr;
  // The files that the model names there, each once.
  std::vector<std::string> external_files;
  // Ends the load with kTimeout, as soon as the runtime can.
  StopCondition stop;
  // What the bytes say of the model, for Graph::metadata. Null when the caller did not look.
  std::shared_ptr<const ModelMetadata> metadata;
};

// An output whose value an input takes.
struct OutputToInput {
  size_t output;
  size_t input;
};

// One execution: `((SetInput | BindInput)* Compute Output*)*`. Inputs keep their value between
// computes. Thread-compatible.
class Context {
 public:
  virtual ~Context() = default;

  // Copies `value` into the runtime's own input, once. kInvalidArgument, naming the input, what it
  // allows and what came, when the index does not fit or CheckInput() says so: nobody else asks that.
  virtual Status SetInput(size_t index, const TensorView& value) = 0;
  // As SetInput, but borrows `value.data` until the input is set anew or the context ends.
  virtual Status BindInput(size_t index, const TensorView& value) = 0;

  // kInvalidArgument when an input is missing, kTimeout when `stop` says so (the context stays
  // usable), kRuntimeError when the runtime failed.
  virtual Status Compute(const StopCondition& stop) = 0;

  // An output of the last successful Compute with its real shape, borrowed until the next Compute,
  // SetInput or BindInput. kRuntimeError before the first Compute, kInvalidArgument for an unknown
  // index.
  virtual Result<TensorView> Output(size_t index) const = 0;

  // Makes outputs of the last successful Compute the values of inputs, without copying a tensor:
  // for state that goes from one Compute to the next. Each pair's output is read before any input
  // changes; the outputs must not be asked for again before the next Compute. The caller has
  // checked types and shapes. False, and nothing has happened, where the runtime has no such way:
  // the caller then copies.
  virtual Result<bool> FeedBack(std::span<const OutputToInput> /*pairs*/) { return false; }
};

// A loaded model. Immutable and thread-safe; its contexts keep it alive.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual std::span<const ValueInfo> inputs() const = 0;
  virtual std::span<const ValueInfo> outputs() const = 0;
  // LoadOptions::metadata, or nothing.
  virtual const ModelMetadata& metadata() const {
    static const ModelMetadata kNone;
    return kNone;
  }

  // Bytes that the graph holds for as long as it lives: weights, as far as the runtime can tell.
  virtual uint64_t memory_bytes() const { return 0; }

  // What the context allocates is taken from `budget`; null: only the graph's limits hold.
  virtual Result<std::unique_ptr<Context>> NewContext(
      std::shared_ptr<MemoryBudget> budget) const = 0;
  Result<std::unique_ptr<Context>> NewContext() const { return NewContext(nullptr); }
};

// Thread-safe.
class Runtime {
 public:
  virtual ~Runtime() = default;
  // The word that selects it on the command line: "builtin", "onnxruntime".
  virtual std::string_view name() const = 0;
  // For people: "ONNX Runtime 1.32.0 (path)".
  virtual std::string description() const = 0;
  // Reads and checks the model; `bytes` are borrowed for the call only. Errors:
  // kInvalidEncoding   the bytes are not an ONNX model
  // kInvalidArgument   the graph is invalid
  // kUnsupportedOperation  an operator, version, type or target that the runtime lacks
  // kSecurity, kTooLarge   refused by policy or by a limit
  virtual Result<std::shared_ptr<const Graph>> Load(std::span<const std::byte> bytes,
                                                    const LoadOptions& options) const = 0;
};

}  // namespace wnn::runtimes
