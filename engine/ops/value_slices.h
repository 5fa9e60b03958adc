// Cuts tensors and tensors of strings along an axis and joins them again.
#pragma once

#include <span>

#include "engine/ops/evaluate_context.h"

namespace wnn::ops {

// Elements [begin, begin + count) along `axis`. kUnsupportedOperation for elements below a byte.
// REQUIRES: the axis exists, and the range lies within it.
Result<Value> SliceValue(const EvaluateContext& context, const Value& value, size_t axis,
                         int64_t begin, int64_t count);

// The same value without an axis of extent 1. REQUIRES: that it has one there.
Result<Value> DropAxis(const EvaluateContext& context, const Value& value, size_t axis);

// Joins values along `axis`: an existing one, or, with `new_axis`, one that is put there.
// kInvalidArgument if types or other dimensions differ, or there is no value or no such axis.
Result<Value> JoinValues(const EvaluateContext& context, std::span<const Value> values,
                         int64_t axis, bool new_axis);

// Values that come one by one, as many as there may be, and are joined along a new axis: what
// JoinValues() makes of all of them, with few of them alive at once.
class StackedValues {
 public:
  // `backwards`: the last one comes first.
  StackedValues(const EvaluateContext& context, int64_t axis, bool backwards)
      : context_(&context), axis_(axis), backwards_(backwards) {}

  // Errors of JoinValues().
  Status Add(Value value);
  bool empty() const { return pending_.empty() && joined_.empty(); }
  // REQUIRES: !empty(). Errors of JoinValues().
  Result<Value> Finish();

 private:
  Status JoinPending();

  const EvaluateContext* context_;
  int64_t axis_ = 0;
  bool backwards_ = false;
  std::vector<Value> pending_, joined_;  // in the order in which they came
};

}  // namespace wnn::ops
