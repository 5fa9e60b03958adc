// What an operator is to the engine: a row of data that a family file exports and registry.cc
// lists.
//
// To add an operator: write InferFn and CompileFn in its family's file, add a row to the family's
// table (and, for a new family, a line to registry.cc).
//
// An operator whose outputs' shapes depend on its inputs' values (NonZero), or that works on
// strings, sequences or optionals, has an EvaluateFn instead of a CompileFn:
//  - InferFn says what is known before: the type, perhaps the rank, dimensions that are certain. It
//    is called again before each evaluation, with the actual types and shapes (and, for inputs in
//    value_inputs, values), so that what it checks need not be checked twice. RequireType() with
//    kString in its set lets strings in; `container_inputs` lets in sequences, optionals and maps.
//  - EvaluateFn (see evaluate_context.h) reads InputTensor(i) or InputValue(i), allocates by
//    Allocate(), which keeps within the limits, and hands over every output by SetOutput(). It asks
//    stop().Check() in loops whose length a tensor decides. A subgraph runs by RunSubgraph().
//  - A model that has such a node runs node by node (plan/interpreter.h) instead of by a plan,
//    unless its inputs are constant: then it is computed while loading or planning.
// One that has both (Cast) is computed by its EvaluateFn where an input or an output holds strings,
// and by its CompileFn elsewhere: see IsEvaluated().
// An operator that only moves elements, whatever they are, need not know of strings: with the bits
// of `string_inputs` and `string_outputs` it is given integers in place of the strings, equal where
// the strings are equal, ordered as they are, 0 for the empty one.
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
class EvaluateContext;

// The newest version of ai.onnx whose operators were looked at. A model that asks for a newer one
// is tried with these meanings.
inline constexpr int kNewestOpset = 28;

// Output facts from input facts, as far as they are known; checks types, attributes and shapes.
// kInvalidArgument for what ONNX forbids, kUnsupportedOperation for what our kernels lack.
using InferFn = Status (*)(InferContext& context);

// For concrete input and output facts: parses attributes, chooses the algorithm, packs weights.
using CompileFn = Result<std::unique_ptr<const CompiledOp>> (*)(const CompileContext& context);

// Computes the outputs from the inputs' values. Deterministic, whatever the context's threads.
using EvaluateFn = Status (*)(EvaluateContext& context);

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
  // At least one of the two.
  CompileFn compile = nullptr;
  EvaluateFn evaluate = nullptr;
  // Bit i: facts of the outputs depend on the value of input i (Reshape's shape).
  uint32_t value_inputs = 0;
  // Bit i: output 0 may be written over input i when both have the same size in bytes.
  uint32_t inplace_inputs = 0;
  // Output 0 is input 0's bytes under another shape; nothing needs to run.
  bool is_view = false;
  // Outputs depend on the inputs' facts only, not on their values (Shape).
  bool shape_only = false;
  // Outputs differ from run to run (RandomNormal): they are never computed ahead.
  bool is_random = false;
  // Bit i: input i may hold strings, which are handed over as integers of type int32; bit i: output
  // i holds strings if some input of string_inputs does. Bit 31 speaks of all from there on.
  uint32_t string_inputs = 0;
  uint32_t string_outputs = 0;
  // Bit i: input i may be a sequence, an optional or a map. Bit 31 speaks of all from there on.
  uint32_t container_inputs = 0;
  // Reads pictures by RunEnvironment::image_decoder. Models are refused where there is none.
  bool needs_image_decoder = false;
};

// Whether nodes are never computed before a run, even if their inputs are constant.
constexpr bool OnlyAtRun(const OpDef& op) { return op.is_random || op.needs_image_decoder; }

// Whether bit i of such a mask is set.
constexpr bool HasBit(uint32_t mask, size_t i) { return (mask >> (i < 31 ? i : 31) & 1) != 0; }
inline constexpr uint32_t kEveryInput = ~uint32_t{0};

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
