// TensorProto -> Tensor: raw data and every typed field, checked against type and dimensions.
#pragma once

#include "engine/base/external_data.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/frontend/onnx_proto.h"
#include "engine/tensor/tensor.h"

namespace wnn::frontend {

// Copies the elements, or reads them from `external`. Errors: kInvalidArgument for an unknown type,
// bad dimensions or a number of elements that does not match them; kSecurity for external data when
// `external` is null; kTooLarge over a limit; kUnsupportedOperation for strings and segments; what
// `external` answers. Messages do not name the tensor: the caller does.
Result<Tensor> ReadTensor(const TensorProto& proto, const Limits& limits,
                          ExternalData* external = nullptr);

}  // namespace wnn::frontend
