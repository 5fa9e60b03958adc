#include "tests/conformance/case_value.h"

#include <algorithm>
#include <string_view>

#include "engine/base/checked_math.h"
#include "engine/base/limits.h"
#include "engine/frontend/onnx_proto.h"
#include "engine/frontend/tensor_reader.h"
#include "engine/frontend/wire.h"

namespace wnn::conformance {
namespace {

using frontend::Bytes;
using frontend::Field;
using frontend::WireReader;

// Calls visit(field) for every field. False if the bytes are malformed.
template <typename Visitor>
bool ForEachField(Bytes message, Visitor visit) {
  WireReader reader(message);
  while (reader.Next()) visit(reader.field());
  return reader.ok();
}

std::string_view StringField(Bytes message, uint32_t number) {
  std::string_view text;
  ForEachField(message, [&](const Field& field) {
    if (field.number == number && field.IsBytes()) text = field.AsString();
  });
  return text;
}

// ValueInfoProto.type names one field of TypeProto's oneof.
Declared ReadDeclared(Bytes value_info) {
  constexpr uint32_t kType = 2, kTensorType = 1, kSequenceType = 4, kMapType = 5, kOptionalType = 9;
  constexpr uint32_t kElementType = 1;
  Declared declared;
  ForEachField(value_info, [&](const Field& field) {
    if (field.number != kType || !field.IsBytes()) return;
    ForEachField(field.bytes, [&](const Field& type) {
      if (type.number == kSequenceType) declared.kind = Kind::kSequence;
      if (type.number == kMapType) declared.kind = Kind::kMap;
      if (type.number == kOptionalType) declared.kind = Kind::kOptional;
      if (type.number != kTensorType || !type.IsBytes()) return;
      ForEachField(type.bytes, [&](const Field& field_of_tensor) {
        if (field_of_tensor.number != kElementType) return;
        declared.is_bfloat16 = DTypeFromOnnx(field_of_tensor.AsInt64()) == DType::kBfloat16;
      });
    });
  });
  return declared;
}

Result<CaseValue> ReadStrings(const frontend::TensorProto& proto) {
  constexpr uint32_t kStringData = 6;
  CaseValue value;
  value.kind = Kind::kStrings;
  value.shape = proto.dims;
  ForEachField(proto.message, [&](const Field& field) {
    if (field.number == kStringData) value.strings.emplace_back(field.AsString());
  });
  if (ElementCount(value.shape) != static_cast<int64_t>(value.strings.size())) {
    return InvalidEncoding("a tensor of strings does not have as many as its shape says");
  }
  return value;
}

Result<CaseValue> ReadTensorValue(Bytes bytes) {
  const auto proto = frontend::ParseTensor(bytes);
  if (!proto) return InvalidEncoding("a file does not hold a TensorProto");
  if (proto->data_type == static_cast<int64_t>(DType::kString)) return ReadStrings(*proto);
  CaseValue value;
  WNN_ASSIGN_OR_RETURN(value.tensor, frontend::ReadTensor(*proto, Limits()));
  return value;
}

// SequenceProto and OptionalProto number their fields alike.
constexpr uint32_t kTensorField = 3, kSequenceField = 5, kMapField = 6, kOptionalField = 7;

Result<CaseValue> ReadItems(Kind kind, Bytes bytes) {
  CaseValue value;
  value.kind = kind;
  Status status;
  const bool parsed = ForEachField(bytes, [&](const Field& field) {
    Kind item = Kind::kTensor;
    switch (field.number) {
      case kTensorField: break;
      case kSequenceField: item = Kind::kSequence; break;
      case kMapField: item = Kind::kMap; break;
      case kOptionalField: item = Kind::kOptional; break;
      default: return;
    }
    auto read = ReadValue(item, field.bytes);
    if (read) {
      value.items.push_back(std::move(*read));
    } else if (status.ok()) {
      status = std::move(read.error());
    }
  });
  if (!parsed) return InvalidEncoding("a file does not hold the sequence or optional it should");
  WNN_RETURN_IF_ERROR(std::move(status));
  return value;
}

Result<CaseValue> ReadMap(Bytes bytes) {
  constexpr uint32_t kKeys = 3, kStringKeys = 4, kValues = 5;
  std::vector<int64_t> numbers;
  CaseValue keys, values;
  Status status;
  bool ok = ForEachField(bytes, [&](const Field& field) {
    if (field.number == kKeys) {
      ForEachVarint(field, [&](uint64_t key) { numbers.push_back(static_cast<int64_t>(key)); });
    } else if (field.number == kStringKeys) {
      keys.strings.emplace_back(field.AsString());
    } else if (field.number == kValues) {
      auto read = ReadItems(Kind::kSequence, field.bytes);
      if (read) values = std::move(*read);
      if (!read) status = std::move(read.error());
    }
  });
  WNN_RETURN_IF_ERROR(std::move(status));
  if (!ok) return InvalidEncoding("a file does not hold a MapProto");
  if (!keys.strings.empty()) {
    keys.kind = Kind::kStrings;
    keys.shape = {static_cast<int64_t>(keys.strings.size())};
  } else {
    const Shape shape = {static_cast<int64_t>(numbers.size())};
    WNN_ASSIGN_OR_RETURN(keys.tensor,
                         Tensor::CopyOf({DType::kInt64, shape, std::as_bytes(std::span(numbers))}));
  }
  CaseValue map;
  map.kind = Kind::kMap;
  map.items.push_back(std::move(keys));
  map.items.push_back(std::move(values));
  return map;
}

}  // namespace

Result<Signature> ReadSignature(std::span<const std::byte> model) {
  const auto model_proto = frontend::ParseModel(model);
  const auto graph =
      model_proto && model_proto->graph ? frontend::ParseGraph(*model_proto->graph) : std::nullopt;
  if (!graph) return InvalidEncoding("the file is not an ONNX model");
  constexpr uint32_t kTensorName = 8, kValueName = 1;
  std::vector<std::string_view> initialized;
  for (Bytes tensor : graph->initializers) initialized.push_back(StringField(tensor, kTensorName));
  Signature signature;
  for (Bytes input : graph->inputs) {
    const std::string_view name = StringField(input, kValueName);
    if (std::find(initialized.begin(), initialized.end(), name) == initialized.end()) {
      signature.inputs.push_back(ReadDeclared(input));
    }
  }
  for (Bytes output : graph->outputs) signature.outputs.push_back(ReadDeclared(output));
  return signature;
}

Result<CaseValue> ReadValue(Kind kind, std::span<const std::byte> bytes) {
  switch (kind) {
    case Kind::kTensor:
    case Kind::kStrings: return ReadTensorValue(bytes);
    case Kind::kSequence:
    case Kind::kOptional: return ReadItems(kind, bytes);
    case Kind::kMap: return ReadMap(bytes);
  }
  return Internal("unknown kind");
}

Result<CaseValue> ReadValue(const Declared& declared, std::span<const std::byte> bytes) {
  WNN_ASSIGN_OR_RETURN(CaseValue value, ReadValue(declared.kind, bytes));
  if (declared.is_bfloat16 && value.tensor.dtype() == DType::kUint16) {
    WNN_ASSIGN_OR_RETURN(Tensor numbers, Tensor::CopyOf({DType::kBfloat16, value.tensor.shape(),
                                                         value.tensor.bytes()}));
    value.tensor = std::move(numbers);
  }
  return value;
}

}  // namespace wnn::conformance
