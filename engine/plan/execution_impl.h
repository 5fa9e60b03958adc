// One context's inputs, its arena, and the run of a plan.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/engine.h"
#include "engine/plan/interpreter.h"
#include "engine/plan/model_impl.h"

namespace wnn::engine {

// Thread-compatible. Invariants:
//  1. plan_, once set, was made for the inputs as they were then; arena_ has room for it.
//  2. With an unchanged plan Run() allocates nothing.
//  3. is_interpreted_: no plan serves inputs of these types; the interpreter runs the model.
class ExecutionImpl {
 public:
  ExecutionImpl(std::shared_ptr<const Model> owner, const ModelImpl& model,
                const ExecutionOptions& options)
      : owner_(std::move(owner)),
        model_(model),
        parallel_(options.parallel != nullptr ? *options.parallel : serial_),
        budget_(options.budget),
        memory_(options.budget),
        inputs_(model.inputs().size()) {}

  Status SetInput(size_t index, const TensorView& value);
  Status SetInput(size_t index, Value value);
  Status BindInput(size_t index, const TensorView& value);
  Status Run(const RunOptions& options);
  Result<TensorView> Output(size_t index) const;
  Result<Value> OutputValue(size_t index) const;

 private:
  struct Input {
    bool is_set = false;
    bool is_borrowed = false;
    DType dtype = DType::kUndefined;
    Shape shape;
    std::span<const std::byte> data;  // own.bytes() or the caller's
    AlignedBuffer own;                // also where misaligned borrowed data are copied in each run
    const std::byte* aligned = nullptr;  // what operators read
    Value object;                        // what it is instead, if it has no dense elements
    // What the plan was made for, if it depends on the input's value.
    std::vector<std::byte> planned_value;
  };

  Status CheckNewInput(size_t index, const TensorView& value) const;
  // A buffer of `size` bytes for `input`, within the limits; empty if `input.own` has that size.
  Result<AlignedBuffer> NewBuffer(const Input& input, size_t size);
  void SetType(Input& input, const TensorView& value);
  // Copies misaligned borrowed data; sets Input::aligned.
  void AlignInputs();
  bool ValuesChanged() const;
  // Sets plan_ or is_interpreted_.
  Status MakePlan(const StopCondition& stop);
  bool HasLargeNeededValue() const;
  uint64_t InputBytes() const;
  Status AllocateArena(uint64_t arena_bytes, uint64_t scratch_bytes);
  Status RunSteps(const StopCondition& stop);
  Status Interpret(const StopCondition& stop);
  std::byte* Resolve(const plan::Location& location) const;

  const std::shared_ptr<const Model> owner_;  // keeps model_ alive
  const ModelImpl& model_;
  SerialParallel serial_;
  Parallel& parallel_;
  const std::shared_ptr<MemoryBudget> budget_;  // null: only the model's limits hold
  MemoryCharge memory_;                         // of the inputs' own buffers and the arena
  std::vector<Input> inputs_;
  bool types_changed_ = true;  // since the plan was made
  std::shared_ptr<const plan::Plan> plan_;
  AlignedBuffer arena_;            // the tensors, then the steps' scratch memory
  bool arena_is_touched_ = false;  // by a FirstTouch() that was not stopped
  std::byte* scratch_ = nullptr;
  std::vector<std::byte*> operands_;  // of one step
  bool is_interpreted_ = false;
  std::optional<plan::Interpreter> interpreter_;
  std::vector<Value> values_;  // the outputs, if it is interpreted
  bool has_outputs_ = false;
};

}  // namespace wnn::engine
