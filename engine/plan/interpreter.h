// Runs a graph node by node, for models that no plan can serve: shapes that depend on data,
// subgraphs, strings, sequences, optionals.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "engine/ops/evaluate_context.h"
#include "engine/ops/pack_cache.h"
#include "engine/plan/op_cache.h"
#include "engine/plan/program.h"

namespace wnn::plan {

// One run at a time. Lifetime: borrows all that it is made of. Thread-compatible.
//
// A node with a CompileFn is compiled for the shapes that came, once for each (OpCache); a value
// goes with its last reader, and an output may take its place.
class Interpreter {
 public:
  // `pack_cache` may be null.
  Interpreter(const Program& program, OpCache& op_cache, ops::PackCache* pack_cache)
      : program_(program), op_cache_(op_cache), pack_cache_(pack_cache) {}

  // The graph's outputs. REQUIRES: one value for each of its inputs, of a type that it declares.
  // Errors name the node; kTimeout when environment.stop says so, kTooLarge over its budget.
  Result<std::vector<Value>> Run(std::vector<Value> inputs, const ops::RunEnvironment& environment);

 private:
  class BodyRunner;
  // What one program works with; kept, so that a loop's body does not make it anew each time.
  struct Frame {
    std::vector<Value> values;       // by value id
    std::vector<graph::Fact> facts;  // by value id; of constants and of the node at work
  };

  // `node_inputs` are those of the node whose subgraph it is.
  Result<std::vector<Value>> RunProgram(const Program& program, std::vector<Value> inputs,
                                        std::span<const Value> node_inputs);
  Status RunStep(const Program& program, const Program::Step& step, Frame& frame);
  std::vector<Value> TakeInputs(const Program& program, const Program::Step& step, Frame& frame);
  void SetFacts(const Program& program, const graph::Node& node, std::span<const Value> inputs,
                Frame& frame) const;
  Result<std::vector<Value>> Compute(const Program& program, const graph::Node& node,
                                     std::vector<Value>& inputs, Frame& frame);
  // The same for a node that moves strings as integers.
  Result<std::vector<Value>> ComputeStrings(const Program& program, const graph::Node& node,
                                            std::vector<Value>& inputs, Frame& frame);
  Result<std::vector<Value>> RunCompiled(const Program& program, const graph::Node& node,
                                         std::vector<Value>& inputs, Frame& frame);
  Result<std::shared_ptr<const CompiledNode>> Compile(const Program& program,
                                                      const graph::Node& node,
                                                      std::span<const Value> inputs, Frame& frame);
  Result<Value> MakeOutput(const graph::Node& node, size_t i, const graph::Fact& fact,
                           std::vector<Value>& inputs) const;
  Result<std::byte*> Scratch(uint64_t size_bytes);

  const Program& program_;
  OpCache& op_cache_;
  ops::PackCache* const pack_cache_;
  const ops::RunEnvironment* environment_ = nullptr;  // of the present run
  std::map<const Program*, Frame> frames_;
  AlignedBuffer scratch_;
  MemoryCharge scratch_charge_;
};

}  // namespace wnn::plan
