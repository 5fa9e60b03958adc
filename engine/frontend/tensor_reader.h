// TensorProto -> Tensor: raw data and every typed field, checked against type and dimensions.
#pragma once

#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/frontend/onnx_proto.h"
#include "engine/tensor/tensor.h"

namespace wnn::frontend {

// Copies the elements. Errors: kInvalidArgument for an unknown type, bad dimensions or a number of
// elements that does not match them; kSecurity for external data; kTooLarge over a limit;
// kUnsupportedOperation for strings and segments. Messages do not name the tensor: the caller does.
Result<Tensor> ReadTensor(const TensorProto& proto, const Limits& limits);

}  // namespace wnn::frontend
