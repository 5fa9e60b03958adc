#include "engine/frontend/attribute_reader.h"

#include <algorithm>
#include <string>

#include "engine/frontend/tensor_reader.h"
#include "engine/frontend/type_reader.h"
#include "engine/graph/graph.h"

namespace wnn::frontend {
namespace {

using AttributeValue = graph::AttributeValue;

Result<Value> ReadTensorMessage(Bytes bytes, const AttributeSource& source) {
  auto proto = ParseTensor(bytes, source.stop);
  if (!proto) return InvalidEncoding("its tensor is malformed");
  return ReadCountedValue(*proto, source.limits, source.weight_bytes, nullptr, source.stop);
}

Result<AttributeValue> ReadTensorAttribute(Bytes bytes, const AttributeSource& source) {
  WNN_ASSIGN_OR_RETURN(Value value, ReadTensorMessage(bytes, source));
  if (TensorPtr tensor = value.tensor_ptr()) return AttributeValue(std::move(tensor));
  return AttributeValue(std::move(value));
}

Result<AttributeValue> ReadTensorList(std::span<const Bytes> list, const AttributeSource& source) {
  std::vector<TensorPtr> tensors;
  for (Bytes bytes : list) {
    WNN_ASSIGN_OR_RETURN(Value value, ReadTensorMessage(bytes, source));
    if (value.tensor() == nullptr) return Unsupported("a list of tensors of strings");
    tensors.push_back(value.tensor_ptr());
  }
  return AttributeValue(std::move(tensors));
}

Result<AttributeValue> ReadValue(const AttributeProto& proto, const AttributeSource& source) {
  switch (proto.type) {
    case AttributeType::kFloat: return AttributeValue(proto.f);
    case AttributeType::kInt: return AttributeValue(proto.i);
    case AttributeType::kString: return AttributeValue(std::string(proto.s));
    case AttributeType::kFloats: return AttributeValue(proto.floats);
    case AttributeType::kInts: return AttributeValue(proto.ints);
    case AttributeType::kStrings:
      return AttributeValue(std::vector<std::string>(proto.strings.begin(), proto.strings.end()));
    case AttributeType::kTensor:
      if (!proto.t) return InvalidArgument("it has no tensor");
      return ReadTensorAttribute(*proto.t, source);
    case AttributeType::kTensors: return ReadTensorList(proto.tensors, source);
    case AttributeType::kGraph: {
      if (!proto.g) return InvalidArgument("it has no graph");
      WNN_ASSIGN_OR_RETURN(graph::GraphPtr graph, source.read_graph(*proto.g));
      return AttributeValue(std::move(graph));
    }
    case AttributeType::kSparseTensor: {
      auto sparse = proto.sparse_tensor ? ParseSparseTensor(*proto.sparse_tensor) : std::nullopt;
      if (!sparse) return InvalidEncoding("its sparse tensor is malformed");
      WNN_ASSIGN_OR_RETURN(TensorPtr tensor, ReadCountedSparse(*sparse, source.limits,
                                                               source.weight_bytes, source.stop));
      return AttributeValue(std::move(tensor));
    }
    case AttributeType::kTypeProto: {
      if (!proto.type_proto) return InvalidArgument("it has no type");
      WNN_ASSIGN_OR_RETURN(ValueTypePtr type, ReadType(*proto.type_proto, source.limits));
      return AttributeValue(std::move(type));
    }
    case AttributeType::kGraphs:
    case AttributeType::kSparseTensors:
    case AttributeType::kTypeProtos: return Unsupported("no operator has an attribute of its type");
    case AttributeType::kUndefined: return InvalidArgument("it has neither type nor value");
  }
  return InvalidArgument("its type is unknown");
}

// The attribute, or what stands for it where it refers to a parameter: null if the call does not
// give that. `named` holds the result.
Result<const AttributeProto*> Dereference(const AttributeProto& proto,
                                          const AttributeParameters* parameters,
                                          AttributeProto* named) {
  if (proto.ref_name.empty()) return &proto;
  if (parameters == nullptr) {
    return InvalidArgument("it refers to a function's parameter, outside a function");
  }
  auto given = parameters->find(proto.ref_name);
  if (given == parameters->end()) return static_cast<const AttributeProto*>(nullptr);
  if (proto.type != AttributeType::kUndefined && proto.type != given->second.type) {
    return InvalidArgument("the parameter " + graph::Quoted(proto.ref_name) +
                           " is of another type");
  }
  *named = given->second;
  named->name = proto.name;
  return static_cast<const AttributeProto*>(named);
}

}  // namespace

Result<graph::Attributes> ReadAttributes(std::span<const Bytes> protos,
                                         const AttributeParameters* parameters,
                                         const AttributeSource& source) {
  graph::Attributes attributes;
  for (Bytes bytes : protos) {
    auto proto = ParseAttribute(bytes);
    if (!proto) return InvalidEncoding("a malformed attribute");
    auto fail = [&](Status status) {
      return std::move(status).WithContext("attribute " + graph::Quoted(proto->name));
    };
    AttributeProto named;
    auto given = Dereference(*proto, parameters, &named);
    if (!given) return fail(std::move(given.error()));
    if (*given == nullptr) continue;
    auto value = ReadValue(**given, source);
    if (!value) return fail(std::move(value.error()));
    if (!attributes.Add(std::string(proto->name), std::move(*value))) {
      return fail(InvalidArgument("it is there twice"));
    }
  }
  return attributes;
}

Result<AttributeParameters> ReadParameters(const FunctionProto& function,
                                           std::span<const Bytes> protos,
                                           const AttributeParameters* outer) {
  AttributeParameters parameters;
  for (Bytes bytes : function.default_attributes) {
    auto proto = ParseAttribute(bytes);
    if (!proto) return InvalidEncoding("a malformed attribute");
    parameters[proto->name] = *proto;
  }
  for (Bytes bytes : protos) {
    auto proto = ParseAttribute(bytes);
    if (!proto) return InvalidEncoding("a malformed attribute");
    const std::string label = "attribute " + graph::Quoted(proto->name);
    const auto& declared = function.attributes;
    if (parameters.find(proto->name) == parameters.end() &&
        std::find(declared.begin(), declared.end(), proto->name) == declared.end()) {
      return InvalidArgument("the function has no such attribute").WithContext(label);
    }
    AttributeProto named;
    auto given = Dereference(*proto, outer, &named);
    if (!given) return std::move(given.error()).WithContext(label);
    if (*given == nullptr) continue;
    if ((*given)->type == AttributeType::kGraph) {
      return Unsupported("a graph as a function's parameter is not supported").WithContext(label);
    }
    AttributeProto value = **given;
    parameters[value.name] = std::move(value);
  }
  return parameters;
}

}  // namespace wnn::frontend
