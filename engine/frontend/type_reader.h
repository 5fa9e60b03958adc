// TypeProto -> ValueType.
#pragma once

#include "engine/base/limits.h"
#include "engine/frontend/onnx_proto.h"
#include "engine/tensor/value.h"

namespace wnn::frontend {

// Errors: kInvalidEncoding for bytes that are not a type; kInvalidArgument for an element type that
// ONNX does not have; kTooLarge over the limits on rank and nesting; kUnsupportedOperation for
// sparse tensors and opaque types. Messages do not name the value: the caller does.
Result<ValueTypePtr> ReadType(Bytes bytes, const Limits& limits);

}  // namespace wnn::frontend
