// Integers in place of strings, for operators that move elements or compare them but need not know
// what they are (OpDef::string_inputs).
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "engine/base/parallel.h"
#include "engine/graph/graph.h"
#include "engine/tensor/value.h"

namespace wnn::ops {

// The strings that the inputs of one node hold, sorted; the empty one is always the first.
class StringIntegers {
 public:
  // Replaces the strings among `inputs` that the operator takes as integers by int32 tensors of
  // places in this list. Ends early, with places of no use, once `parallel` is stopped.
  static Result<StringIntegers> Replace(const graph::Node& node, std::vector<Value>& inputs,
                                        const std::shared_ptr<MemoryBudget>& budget,
                                        Parallel& parallel);
  // Whether Replace() would find any.
  static bool Needed(const graph::Node& node, std::span<const Value> inputs);

  // Turns the outputs that hold such integers back into strings; `parallel` as above.
  Status Restore(const graph::Node& node, std::vector<Value>& outputs,
                 const std::shared_ptr<MemoryBudget>& budget, Parallel& parallel) const;

 private:
  std::vector<Value> held_;               // whose strings they are
  std::vector<std::string_view> sorted_;  // each once
  MemoryCharge charge_;                   // of the list
};

}  // namespace wnn::ops
