// Operators on types for which they have no kernels, by way of types for which they have: 16-bit
// floats by way of single precision, elements below a byte by way of bytes.
#pragma once

#include <memory>

#include "engine/ops/op_context.h"

namespace wnn::ops {

// Whether an input is of a 16-bit floating-point type.
bool HasHalfInput(const CompileContext& context);
// Whether an input has elements below a byte, and whether the operator reads such elements itself.
bool HasPackedElements(const CompileContext& context);
bool ReadsPackedElements(const OpDef& op);

// What `compile` makes of the node when every 16-bit float is single precision and every element
// below a byte has a byte of its own (of type uint8). Constants are converted once. Errors of
// `compile`; kTooLarge without memory.
Result<std::unique_ptr<const CompiledOp>> CompileWidened(const CompileContext& context,
                                                         CompileFn compile);

}  // namespace wnn::ops
