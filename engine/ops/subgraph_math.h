// What the operators that run subgraphs share: facts of values that change from turn to turn, and
// scalars that steer.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/ops/evaluate_context.h"

namespace wnn::ops {

// What is certain of a value that may be either.
Fact MergeFacts(const Fact& a, const Fact& b);

// The type without dimensions or value: what a value that is carried from turn to turn keeps.
Fact AnyShapeOf(const Fact& fact);

// The fact with a new first dimension, of unknown extent.
Fact WithLeadingDim(const Fact& fact);

// The one element of a tensor of that type. kInvalidArgument, calling it `what`, for anything else.
Result<bool> ScalarBool(const Value& value, std::string_view what);
Result<int64_t> ScalarInt64(const Value& value, std::string_view what);

// A tensor of rank 0 that holds an int64 or a bool.
Result<Value> MakeScalar(const EvaluateContext& context, DType dtype, int64_t number);

// What stacking no values gives: a tensor whose first extent is 0, and any other that is not known.
Result<Value> NoTurns(const EvaluateContext& context, const Fact& fact);

}  // namespace wnn::ops
