// The ONNX engine's whole public face: model bytes in, tensors in, tensors out.
//
//   auto model = engine::Model::Load(bytes, {});
//   auto execution = engine::Execution::Create(*model, {});
//   execution->SetInput(0, tensor);  execution->Run({});  execution->Output(0);
//
// The engine throws nothing, starts no thread and opens no file, so the same source serves native
// hosts and WebAssembly guests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/external_data.h"
#include "engine/base/image_decoder.h"
#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/memory_budget.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/base/stop.h"
#include "engine/tensor/tensor.h"
#include "engine/tensor/value.h"

namespace wnn::engine {

struct LoadOptions {
  Limits limits;
  Logger* log = nullptr;  // borrowed for the call; null drops messages
  // Where initialisers outside of the model's bytes are read. Borrowed for the call; null: they are
  // refused.
  ExternalData* external = nullptr;
  StopCondition stop;  // ends the load with kTimeout
  // What the operator ImageDecoder decodes with; null: models that have one are refused
  // (kUnsupportedOperation). Kept as long as the model.
  std::shared_ptr<const ImageDecoder> image_decoder;
  // Models give the same answers without their graph optimised, within rounding.
  bool optimize = true;
  std::vector<std::string> disabled_passes;  // names from OptimizerPasses() to leave out
};

class ModelImpl;  // engine/plan/

// A loaded model: checked, its operators resolved, its weights held once. Immutable to its users
// and thread-safe; executions share it.
class Model {
 public:
  // Reads and checks `bytes` (borrowed for the call). Errors: kInvalidEncoding when they are not an
  // ONNX model, kInvalidArgument for an invalid graph, kUnsupportedOperation naming operator, node
  // and version that the engine lacks, kSecurity for external data that may not be read, kTooLarge
  // over a limit, kTimeout when `options.stop` says so.
  static Result<std::shared_ptr<const Model>> Load(std::span<const std::byte> bytes,
                                                   const LoadOptions& options);
  ~Model();

  // The graph's inputs that have no initialiser, and its outputs, in the model's order.
  std::span<const ValueInfo> inputs() const;
  std::span<const ValueInfo> outputs() const;

  // Bytes held by the model for as long as it lives (weights, packed weights, plans).
  size_t memory_bytes() const;

 private:
  friend class Execution;
  explicit Model(std::unique_ptr<ModelImpl> impl);
  std::unique_ptr<ModelImpl> impl_;
};

struct ExecutionOptions {
  // Where operators run; null runs them on the calling thread. Lifetime: outlives the execution.
  Parallel* parallel = nullptr;
  // What the execution's inputs and tensors take is taken from here; null: only the model's limits
  // hold. SetInput, BindInput and Run fail with kTooLarge when it is used up.
  std::shared_ptr<MemoryBudget> budget = nullptr;
};

struct RunOptions {
  StopCondition stop;
};

class ExecutionImpl;  // engine/plan/

// One inference at a time on a model: `(SetInput | BindInput)* Run Output*`, any number of times;
// inputs keep their value between runs. Thread-compatible; several executions of one model may run
// at the same time.
class Execution {
 public:
  static Result<std::unique_ptr<Execution>> Create(std::shared_ptr<const Model> model,
                                                   const ExecutionOptions& options);
  ~Execution();

  // Copies `value` into the execution's own input. kInvalidArgument, naming the input, for a type
  // or shape that the model does not allow, or a bool that is neither 0 nor 1.
  Status SetInput(size_t index, const TensorView& value);
  // The same for a value of any type: strings, sequences, optionals, which it shares.
  Status SetInput(size_t index, Value value);
  // As SetInput, but borrows `value.data` until the input is set anew or the execution ends; it was
  // checked then, and must not change while Run reads it.
  Status BindInput(size_t index, const TensorView& value);

  // Computes every output. kInvalidArgument when an input is missing or shapes do not fit,
  // kTimeout when `options.stop` says so; either way the execution can run again.
  Status Run(const RunOptions& options);

  // The output of the last successful Run, borrowed until the next Run, SetInput or BindInput.
  // kRuntimeError before the first one; kInvalidArgument for an unknown index;
  // kUnsupportedOperation if it is no tensor of numbers.
  Result<TensorView> Output(size_t index) const;
  // The same as a value of any type, which may outlive the execution.
  Result<Value> OutputValue(size_t index) const;

 private:
  explicit Execution(std::unique_ptr<ExecutionImpl> impl);
  std::unique_ptr<ExecutionImpl> impl_;
};

// The operators that the engine runs, one line each ("Conv ai.onnx 1-22"), sorted.
std::string OperatorList();

// The names of the optimiser's passes, in the order in which they run.
std::vector<std::string> OptimizerPasses();

// The SIMD instruction set that the kernels use: "AVX512", "AVX2", "SSE4", "NEON", "WASM" or
// "SCALAR" (plain C++).
std::string ActiveInstructionSet();

// Those that this build has and this machine can run, best first.
std::vector<std::string> InstructionSets();

// Holds the whole process to one of InstructionSets(), in any case of letters; an empty name lifts
// that. Concerns models loaded afterwards. kInvalidArgument, naming the possible ones, for another.
// Not for use while models are loaded or run for the first time.
Status UseInstructionSet(std::string_view name);

}  // namespace wnn::engine
