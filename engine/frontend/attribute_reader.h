// AttributeProto -> graph::Attributes.
#pragma once

#include <span>

#include "engine/base/external_data.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/frontend/onnx_proto.h"
#include "engine/graph/attributes.h"

namespace wnn::frontend {

// Reads all attributes of a node. `weight_bytes` grows by what their tensors take, checked against
// limits.max_memory_bytes. Errors name the attribute; kInvalidEncoding if one does not parse.
Result<graph::Attributes> ReadAttributes(std::span<const Bytes> protos, const Limits& limits,
                                         uint64_t* weight_bytes);

// Reads one tensor, as ReadTensor, and counts it as ReadAttributes does.
Result<graph::TensorPtr> ReadCountedTensor(const TensorProto& proto, const Limits& limits,
                                           uint64_t* weight_bytes,
                                           ExternalData* external = nullptr);

}  // namespace wnn::frontend
