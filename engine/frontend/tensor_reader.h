// TensorProto -> Tensor: raw data and every typed field, checked against type and dimensions.
#pragma once

#include "engine/base/external_data.h"
#include "engine/base/limits.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/frontend/onnx_proto.h"
#include "engine/tensor/value.h"

namespace wnn::frontend {

// Copies the elements, or reads them from `external`. Errors: kInvalidArgument for an unknown type,
// bad dimensions, a number of elements that does not match them or a bool that is neither 0 nor 1;
// kSecurity for external data when
// `external` is null; kTooLarge over a limit; kUnsupportedOperation for strings and segments; what
// `external` answers. Messages do not name the tensor: the caller does.
// All of these end early once `stop` is stopped, with an error or something of no use.
Result<Tensor> ReadTensor(const TensorProto& proto, const Limits& limits,
                          ExternalData* external = nullptr, Parallel& stop = NeverStopped());

// The same, or a tensor of strings.
Result<Value> ReadValue(const TensorProto& proto, const Limits& limits,
                        ExternalData* external = nullptr, Parallel& stop = NeverStopped());

// The dense tensor that a sparse one stands for. kInvalidArgument, besides, for an index outside
// it.
Result<Tensor> ReadSparse(const SparseTensorProto& proto, const Limits& limits,
                          Parallel& stop = NeverStopped());

// These add what they read to `weight_bytes`: kTooLarge if that goes over limits.max_memory_bytes.
Result<Value> ReadCountedValue(const TensorProto& proto, const Limits& limits,
                               uint64_t* weight_bytes, ExternalData* external = nullptr,
                               Parallel& stop = NeverStopped());
Result<TensorPtr> ReadCountedSparse(const SparseTensorProto& proto, const Limits& limits,
                                    uint64_t* weight_bytes, Parallel& stop = NeverStopped());

}  // namespace wnn::frontend
