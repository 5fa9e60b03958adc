// AttributeProto -> graph::Attributes.
#pragma once

#include <map>
#include <span>
#include <string_view>

#include "engine/base/function_ref.h"
#include "engine/base/limits.h"
#include "engine/base/status.h"
#include "engine/frontend/onnx_proto.h"
#include "engine/graph/attributes.h"

namespace wnn::frontend {

// What a call of a function gives for the attributes to which nodes of its body refer.
using AttributeParameters = std::map<std::string_view, AttributeProto>;

struct AttributeSource {
  const Limits& limits;
  uint64_t* weight_bytes;  // grows by what tensors take, checked against limits.max_memory_bytes
  FunctionRef<Result<graph::GraphPtr>(Bytes)> read_graph;
  Parallel& stop;  // asked by what takes long; the caller asks too
};

// Reads all attributes of a node. Those that refer to a parameter take its value, and are left out
// if the call does not give it; `parameters` is null outside functions. Errors name the attribute;
// kInvalidEncoding if one does not parse.
Result<graph::Attributes> ReadAttributes(std::span<const Bytes> protos,
                                         const AttributeParameters* parameters,
                                         const AttributeSource& source);

// What a call with those attributes gives to `function`, defaults included. `outer` are those of
// the function in which the call stands, if any. kInvalidArgument for an attribute that the
// function does not have; kUnsupportedOperation for a graph.
Result<AttributeParameters> ReadParameters(const FunctionProto& function,
                                           std::span<const Bytes> protos,
                                           const AttributeParameters* outer);

}  // namespace wnn::frontend
