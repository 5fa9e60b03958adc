#include "engine/frontend/attribute_reader.h"

#include <string>

#include "engine/frontend/tensor_reader.h"
#include "engine/graph/graph.h"

namespace wnn::frontend {
namespace {

Result<graph::TensorPtr> ReadTensorMessage(Bytes bytes, const Limits& limits,
                                           uint64_t* weight_bytes) {
  auto proto = ParseTensor(bytes);
  if (!proto) return InvalidEncoding("its tensor is malformed");
  return ReadCountedTensor(*proto, limits, weight_bytes);
}

Result<graph::AttributeValue> ReadValue(const AttributeProto& proto, const Limits& limits,
                                        uint64_t* weight_bytes) {
  using Value = graph::AttributeValue;
  switch (proto.type) {
    case AttributeType::kFloat: return Value(proto.f);
    case AttributeType::kInt: return Value(proto.i);
    case AttributeType::kString: return Value(std::string(proto.s));
    case AttributeType::kFloats: return Value(proto.floats);
    case AttributeType::kInts: return Value(proto.ints);
    case AttributeType::kStrings:
      return Value(std::vector<std::string>(proto.strings.begin(), proto.strings.end()));
    case AttributeType::kTensor: {
      if (!proto.t) return InvalidArgument("it has no tensor");
      WNN_ASSIGN_OR_RETURN(graph::TensorPtr tensor,
                           ReadTensorMessage(*proto.t, limits, weight_bytes));
      return Value(std::move(tensor));
    }
    case AttributeType::kTensors: {
      std::vector<graph::TensorPtr> tensors;
      for (Bytes bytes : proto.tensors) {
        WNN_ASSIGN_OR_RETURN(graph::TensorPtr tensor,
                             ReadTensorMessage(bytes, limits, weight_bytes));
        tensors.push_back(std::move(tensor));
      }
      return Value(std::move(tensors));
    }
    case AttributeType::kGraph:
    case AttributeType::kGraphs: return Unsupported("subgraphs are not supported");
    case AttributeType::kSparseTensor:
    case AttributeType::kSparseTensors: return Unsupported("sparse tensors are not supported");
    case AttributeType::kTypeProto:
    case AttributeType::kTypeProtos: return Unsupported("types are not supported");
    case AttributeType::kUndefined: return InvalidArgument("it has neither type nor value");
  }
  return InvalidArgument("its type is unknown");
}

}  // namespace

Result<graph::TensorPtr> ReadCountedTensor(const TensorProto& proto, const Limits& limits,
                                           uint64_t* weight_bytes, ExternalData* external) {
  WNN_ASSIGN_OR_RETURN(Tensor tensor, ReadTensor(proto, limits, external));
  *weight_bytes += tensor.bytes().size();
  if (*weight_bytes > limits.max_memory_bytes) {
    return TooLarge("the model's weights are over the limit of " +
                    std::to_string(limits.max_memory_bytes) + " bytes");
  }
  return graph::TensorPtr(std::make_shared<const Tensor>(std::move(tensor)));
}

Result<graph::Attributes> ReadAttributes(std::span<const Bytes> protos, const Limits& limits,
                                         uint64_t* weight_bytes) {
  graph::Attributes attributes;
  for (Bytes bytes : protos) {
    auto proto = ParseAttribute(bytes);
    if (!proto) return InvalidEncoding("a malformed attribute");
    auto fail = [&](Status status) {
      return std::move(status).WithContext("attribute " + graph::Quoted(proto->name));
    };
    if (!proto->ref_name.empty()) {
      return fail(InvalidArgument("it refers to a function's parameter, outside a function"));
    }
    auto value = ReadValue(*proto, limits, weight_bytes);
    if (!value) return fail(std::move(value.error()));
    if (!attributes.Add(std::string(proto->name), std::move(*value))) {
      return fail(InvalidArgument("it is there twice"));
    }
  }
  return attributes;
}

}  // namespace wnn::frontend
