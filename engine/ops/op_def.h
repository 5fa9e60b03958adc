// What an operator is to the engine: a row of data that a family file exports and registry.cc
// lists.
//
// To add an operator: write InferFn and CompileFn in its family's file, add a row to the family's
// table (and, for a new family, a line to registry.cc).
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/base/parallel.h"
#include "engine/base/status.h"

namespace wnn::ops {

class InferContext;
class CompileContext;
class CompiledOp;

// The newest version of ai.onnx whose operators were looked at. A model that asks for a newer one
// is tried with these meanings.
inline constexpr int kNewestOpset = 28;

// Output facts from input facts, as far as they are known; checks types, attributes and shapes.
// kInvalidArgument for what ONNX forbids, kUnsupportedOperation for what our kernels lack.
using InferFn = Status (*)(InferContext& context);

// For concrete input and output facts: parses attributes, chooses the algorithm, packs weights.
using CompileFn = Result<std::unique_ptr<const CompiledOp>> (*)(const CompileContext& context);

// The domain of operators that only the optimiser makes. Models cannot name them.
inline constexpr std::string_view kOwnDomain = "wnn";

struct Arity {
  int min = 1;
  int max = 1;
};
inline constexpr int kVariadic = INT_MAX;

struct OpDef {
  std::string_view domain = {};  // "" is ai.onnx
  std::string_view name = {};
  // The versions of the domain's operator set for which this row holds.
  int since_version = 1;
  int last_version = kNewestOpset;
  Arity inputs = {};
  Arity outputs = {};
  InferFn infer = nullptr;
  CompileFn compile = nullptr;
  // Bit i: facts of the outputs depend on the value of input i (Reshape's shape).
  uint32_t value_inputs = 0;
  // Bit i: output 0 may be written over input i when both have the same size in bytes.
  uint32_t inplace_inputs = 0;
  // Output 0 is input 0's bytes under another shape; nothing needs to run.
  bool is_view = false;
  // Outputs depend on the inputs' facts only, not on their values (Shape).
  bool shape_only = false;
};

// Pointers for one run. Inputs and outputs are aligned to their element type at least, dense, and
// of the shapes that the operator was compiled for; null where left out. `scratch` has the
// ScratchBytes() that were asked for, aligned to a cache line.
struct RunArgs {
  std::span<const std::byte* const> inputs;
  std::span<std::byte* const> outputs;
  std::byte* scratch = nullptr;
  Parallel* parallel = nullptr;

  template <typename T>
  const T* in(size_t i) const {
    return i < inputs.size() ? reinterpret_cast<const T*>(inputs[i]) : nullptr;
  }
  template <typename T>
  T* out(size_t i) const {
    return i < outputs.size() ? reinterpret_cast<T*>(outputs[i]) : nullptr;
  }
};

// An operator specialised for its shapes. Immutable and thread-safe: executions share it.
class CompiledOp {
 public:
  virtual ~CompiledOp() = default;
  // Working memory of one Run with that many threads.
  virtual uint64_t ScratchBytes(int /*n_threads*/) const { return 0; }
  // Output 0 is the bytes of all inputs, one after the other: a plan may have the inputs computed
  // in their places and not run this.
  virtual bool IsJoin() const { return false; }
  // Allocates nothing; the result has the same bits whatever args.parallel is. Fails only for
  // values that no shape shows to be wrong (an index out of range).
  virtual Status Run(const RunArgs& args) const = 0;
};

}  // namespace wnn::ops
