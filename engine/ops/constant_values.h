// Constants of any numeric type as numbers, for operators that read shapes, scales and the like.
#pragma once

#include <optional>
#include <vector>

#include "engine/base/status.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

// The elements of input i in order; nothing if it is not constant, none if it is left out.
// kInvalidArgument for elements that are not numbers.
Result<std::optional<std::vector<double>>> ConstantNumbers(const OpContext& context, size_t i);

// The one number of input i: nothing if it is not constant, `otherwise` if it is left out.
// kInvalidArgument unless there is exactly one.
Result<std::optional<double>> ConstantNumber(const OpContext& context, size_t i, double otherwise);
// The same for an integer.
Result<std::optional<int64_t>> ConstantInt(const OpContext& context, size_t i, int64_t otherwise);

}  // namespace wnn::ops
