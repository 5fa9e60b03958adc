// A model's inputs and outputs by name.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "engine/base/status.h"
#include "engine/tensor/tensor.h"

namespace wnn::nn {

// The index of the value of that name or, if none has it, of that index in decimal: "0" is the
// first. `what`: "input" or "output". kInvalidArgument, naming those that there are.
Result<size_t> FindValue(std::span<const ValueInfo> values, std::string_view name,
                         std::string_view what);

}  // namespace wnn::nn
