// ONNX's protobuf messages as views of the model's bytes: one level decoded at a time, unknown
// fields skipped.
//
// Every Parse returns nothing when the bytes are not that message. Lifetime: all borrow the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/base/parallel.h"
#include "engine/tensor/tensor.h"

namespace wnn::frontend {

using Bytes = std::span<const std::byte>;

struct OperatorSetId {
  std::string_view domain;
  int64_t version = 0;
};

struct ModelProto {
  std::optional<int64_t> ir_version;
  std::string_view producer_name;
  std::vector<OperatorSetId> opset_imports;
  std::optional<Bytes> graph;
  std::vector<Bytes> functions;
};

struct GraphProto {
  std::string_view name;
  std::vector<Bytes> nodes;
  std::vector<Bytes> initializers;
  std::vector<Bytes> inputs;
  std::vector<Bytes> outputs;
  std::vector<Bytes> value_infos;
  std::vector<Bytes> sparse_initializers;
};

struct FunctionProto {
  std::string_view name;
  std::string_view domain;
  std::string_view overload;
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<std::string_view> attributes;  // parameters without a default
  std::vector<Bytes> default_attributes;
  std::vector<Bytes> nodes;
  std::vector<OperatorSetId> opset_imports;
};

struct NodeProto {
  std::string_view name;
  std::string_view op_type;
  std::string_view domain;
  std::string_view overload;  // of a function
  std::vector<std::string_view> inputs;
  std::vector<std::string_view> outputs;
  std::vector<Bytes> attributes;
};

// Numbered as AttributeProto.AttributeType.
enum class AttributeType : uint8_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kTensors = 9,
  kGraphs = 10,
  kSparseTensor = 11,
  kSparseTensors = 12,
  kTypeProto = 13,
  kTypeProtos = 14,
};

struct AttributeProto {
  std::string_view name;
  std::string_view ref_name;  // of a function's parameter; empty outside functions
  AttributeType type = AttributeType::kUndefined;  // found from the fields if the model omits it
  float f = 0;
  int64_t i = 0;
  std::string_view s;
  std::optional<Bytes> t;
  std::optional<Bytes> g;
  std::optional<Bytes> sparse_tensor;
  std::optional<Bytes> type_proto;
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string_view> strings;
  std::vector<Bytes> tensors;
};

// A tensor's head; its elements are decoded by tensor_reader.h.
struct TensorProto {
  std::string_view name;
  int64_t data_type = 0;
  std::vector<int64_t> dims;
  std::optional<Bytes> raw_data;
  bool is_external = false;
  // Of external data: the file, and decimal numbers of bytes. Empty if the model does not say.
  std::string_view location;
  std::string_view offset;
  std::string_view length;
  bool is_segmented = false;
  Bytes message;  // the whole message, for the typed fields
};

// Elements that are not zero, and where they are.
struct SparseTensorProto {
  std::optional<Bytes> values;   // a TensorProto of rank 1, which has the name
  std::optional<Bytes> indices;  // a TensorProto of int64: [n] or [n, rank]
  std::vector<int64_t> dims;
};

// A value's declaration; its type is read by type_reader.h.
struct ValueInfoProto {
  std::string_view name;
  std::optional<Bytes> type;
};

std::optional<ModelProto> ParseModel(Bytes bytes);
std::optional<GraphProto> ParseGraph(Bytes bytes);
std::optional<NodeProto> ParseNode(Bytes bytes);
std::optional<AttributeProto> ParseAttribute(Bytes bytes);
// Nothing, too, once `stop` is stopped.
std::optional<TensorProto> ParseTensor(Bytes bytes, Parallel& stop = NeverStopped());
std::optional<SparseTensorProto> ParseSparseTensor(Bytes bytes);
std::optional<FunctionProto> ParseFunction(Bytes bytes);
std::optional<ValueInfoProto> ParseValueInfo(Bytes bytes);

}  // namespace wnn::frontend
