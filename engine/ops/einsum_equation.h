// The equation of Einsum.
#pragma once

#include <string_view>
#include <vector>

#include "engine/base/status.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

// Letters as their character codes; the dimensions of an ellipsis as numbers above them, the last
// one first.
using EinsumLabel = int;

struct EinsumEquation {
  std::vector<std::vector<EinsumLabel>> inputs;
  std::vector<EinsumLabel> output;
};

// The node's attribute, for its inputs' ranks, which must be known. kInvalidArgument if it is not
// an equation or does not fit them.
Result<EinsumEquation> ReadEinsumEquation(const OpContext& context);

}  // namespace wnn::ops
