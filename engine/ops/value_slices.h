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

}  // namespace wnn::ops
