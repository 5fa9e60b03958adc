// Which operators there are, and which one a node means.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "engine/ops/op_def.h"

namespace wnn::ops {

// The definition of `name` in `domain` for a model that imports version `opset` of it; null if
// there is none. It lives for ever.
const OpDef* FindOp(std::string_view domain, std::string_view name, int64_t opset);

// kUnsupportedOperation for an operator that FindOp() lacks: "operator Foo (ai.onnx 13) of node 'n'
// is not implemented", with the versions that are, if any.
Status MissingOp(std::string_view domain, std::string_view name, int64_t opset,
                 std::string_view node);

// Every operator, one line each ("Conv ai.onnx 1-28"), sorted by name; the optimiser's own left
// out.
std::string ListOps();

}  // namespace wnn::ops
