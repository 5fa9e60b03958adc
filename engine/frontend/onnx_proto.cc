#include "engine/frontend/onnx_proto.h"

#include <cstring>
#include <string>

#include "engine/base/stop_check.h"
#include "engine/frontend/wire.h"

namespace wnn::frontend {
namespace {

// Each stores a field, or returns false when its wire type is not the declared one.
bool Store(const Field& field, std::string_view* out) {
  *out = field.AsString();
  return field.IsBytes();
}
bool Store(const Field& field, int64_t* out) {
  *out = field.AsInt64();
  return field.IsVarint();
}
bool Store(const Field& field, std::optional<int64_t>* out) {
  *out = field.AsInt64();
  return field.IsVarint();
}
bool Store(const Field& field, float* out) {
  *out = field.AsFloat();
  return field.type == WireType::kFixed32;
}
bool Store(const Field& field, std::optional<Bytes>* out) {
  *out = field.bytes;
  return field.IsBytes();
}
bool Store(const Field& field, std::vector<Bytes>* out) {
  out->push_back(field.bytes);
  return field.IsBytes();
}
bool Store(const Field& field, std::vector<std::string_view>* out) {
  out->push_back(field.AsString());
  return field.IsBytes();
}
bool Store(const Field& field, std::vector<int64_t>* out) {
  return ForEachVarint(field, [&](uint64_t v) { out->push_back(static_cast<int64_t>(v)); });
}
bool Store(const Field& field, std::vector<float>* out) {
  return ForEachFixedRun<float>(field, [&](Bytes run) {
    size_t old_size = out->size();
    out->resize(old_size + run.size() / sizeof(float));
    if (!run.empty()) std::memcpy(out->data() + old_size, run.data(), run.size());
  });
}

// Reads a message: calls store(field) for each field; that returns false for a wrong wire type.
template <typename StoreField>
bool ReadMessage(Bytes bytes, StoreField store) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (!store(reader.field())) return false;
  }
  return reader.ok();
}

bool ReadOperatorSetId(Bytes bytes, OperatorSetId* id) {
  return ReadMessage(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1: return Store(field, &id->domain);
      case 2: return Store(field, &id->version);
      default: return true;
    }
  });
}

// One of the pairs of texts that say where a tensor's data lie.
bool ReadExternalEntry(Bytes bytes, TensorProto* tensor) {
  std::string_view key;
  std::string_view value;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1: return Store(field, &key);
      case 2: return Store(field, &value);
      default: return true;
    }
  });
  if (key == "location") tensor->location = value;
  if (key == "offset") tensor->offset = value;
  if (key == "length") tensor->length = value;
  return parsed;
}

// Models of the first IR versions do not write an attribute's type.
AttributeType TypeOfFields(uint64_t fields_seen) {
  constexpr struct {
    uint32_t field;
    AttributeType type;
  } kTypes[] = {
      {2, AttributeType::kFloat},      {3, AttributeType::kInt},
      {4, AttributeType::kString},     {5, AttributeType::kTensor},
      {6, AttributeType::kGraph},      {7, AttributeType::kFloats},
      {8, AttributeType::kInts},       {9, AttributeType::kStrings},
      {10, AttributeType::kTensors},   {11, AttributeType::kGraphs},
      {14, AttributeType::kTypeProto}, {22, AttributeType::kSparseTensor},
  };
  for (const auto& row : kTypes) {
    if ((fields_seen >> row.field & 1) != 0) return row.type;
  }
  return AttributeType::kUndefined;
}

}  // namespace

std::optional<ModelProto> ParseModel(Bytes bytes) {
  ModelProto model;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1: return Store(field, &model.ir_version);
      case 2: return Store(field, &model.producer_name);
      case 7: return Store(field, &model.graph);
      case 8:
        model.opset_imports.emplace_back();
        return field.IsBytes() && ReadOperatorSetId(field.bytes, &model.opset_imports.back());
      case 25: return Store(field, &model.functions);
      default: return true;
    }
  });
  if (!parsed) return std::nullopt;
  return model;
}

std::optional<GraphProto> ParseGraph(Bytes bytes) {
  GraphProto graph;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1: return Store(field, &graph.nodes);
      case 2: return Store(field, &graph.name);
      case 5: return Store(field, &graph.initializers);
      case 11: return Store(field, &graph.inputs);
      case 12: return Store(field, &graph.outputs);
      case 13: return Store(field, &graph.value_infos);
      case 15: return Store(field, &graph.sparse_initializers);
      default: return true;
    }
  });
  if (!parsed) return std::nullopt;
  return graph;
}

std::optional<NodeProto> ParseNode(Bytes bytes) {
  NodeProto node;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1: return Store(field, &node.inputs);
      case 2: return Store(field, &node.outputs);
      case 3: return Store(field, &node.name);
      case 4: return Store(field, &node.op_type);
      case 5: return Store(field, &node.attributes);
      case 7: return Store(field, &node.domain);
      case 8: return Store(field, &node.overload);
      default: return true;
    }
  });
  if (!parsed) return std::nullopt;
  return node;
}

std::optional<AttributeProto> ParseAttribute(Bytes bytes) {
  AttributeProto attribute;
  uint64_t fields_seen = 0;
  int64_t type = 0;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    if (field.number < 64) fields_seen |= uint64_t{1} << field.number;
    switch (field.number) {
      case 1: return Store(field, &attribute.name);
      case 2: return Store(field, &attribute.f);
      case 3: return Store(field, &attribute.i);
      case 4: return Store(field, &attribute.s);
      case 5: return Store(field, &attribute.t);
      case 6: return Store(field, &attribute.g);
      case 7: return Store(field, &attribute.floats);
      case 8: return Store(field, &attribute.ints);
      case 9: return Store(field, &attribute.strings);
      case 10: return Store(field, &attribute.tensors);
      case 14: return Store(field, &attribute.type_proto);
      case 20: return Store(field, &type);
      case 21: return Store(field, &attribute.ref_name);
      case 22: return Store(field, &attribute.sparse_tensor);
      default: return true;
    }
  });
  if (!parsed || type < 0 || type > static_cast<int64_t>(AttributeType::kTypeProtos)) {
    return std::nullopt;
  }
  attribute.type = type != 0 ? static_cast<AttributeType>(type) : TypeOfFields(fields_seen);
  return attribute;
}

std::optional<TensorProto> ParseTensor(Bytes bytes, Parallel& stop) {
  constexpr int64_t kFieldNs = 5;  // of which each element may be one
  StopCheck check(stop);
  TensorProto tensor;
  tensor.message = bytes;
  int64_t data_location = 0;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    if (check.Stopped(kFieldNs)) return false;
    switch (field.number) {
      case 1: return Store(field, &tensor.dims);
      case 2: return Store(field, &tensor.data_type);
      case 3: tensor.is_segmented = true; return field.IsBytes();
      case 8: return Store(field, &tensor.name);
      case 9: return Store(field, &tensor.raw_data);
      case 13:
        tensor.is_external = true;
        return field.IsBytes() && ReadExternalEntry(field.bytes, &tensor);
      case 14: return Store(field, &data_location);
      default: return true;
    }
  });
  if (!parsed) return std::nullopt;
  constexpr int64_t kExternal = 1;
  if (data_location == kExternal) tensor.is_external = true;
  return tensor;
}

std::optional<SparseTensorProto> ParseSparseTensor(Bytes bytes) {
  SparseTensorProto tensor;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1: return Store(field, &tensor.values);
      case 2: return Store(field, &tensor.indices);
      case 3: return Store(field, &tensor.dims);
      default: return true;
    }
  });
  if (!parsed) return std::nullopt;
  return tensor;
}

std::optional<FunctionProto> ParseFunction(Bytes bytes) {
  FunctionProto function;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1: return Store(field, &function.name);
      case 4: return Store(field, &function.inputs);
      case 5: return Store(field, &function.outputs);
      case 6: return Store(field, &function.attributes);
      case 7: return Store(field, &function.nodes);
      case 9:
        function.opset_imports.emplace_back();
        return field.IsBytes() && ReadOperatorSetId(field.bytes, &function.opset_imports.back());
      case 10: return Store(field, &function.domain);
      case 11: return Store(field, &function.default_attributes);
      case 13: return Store(field, &function.overload);
      default: return true;
    }
  });
  if (!parsed) return std::nullopt;
  return function;
}

std::optional<ValueInfoProto> ParseValueInfo(Bytes bytes) {
  ValueInfoProto info;
  bool parsed = ReadMessage(bytes, [&](const Field& field) {
    switch (field.number) {
      case 1: return Store(field, &info.name);
      case 2: return Store(field, &info.type);
      default: return true;
    }
  });
  if (!parsed) return std::nullopt;
  return info;
}

}  // namespace wnn::frontend
