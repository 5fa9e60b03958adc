#include "engine/frontend/type_reader.h"

#include <optional>

#include "engine/frontend/wire.h"

namespace wnn::frontend {
namespace {

// Calls visit(field) for each field; false for malformed bytes, or if visit says so.
template <typename Visit>
bool ForEachField(Bytes bytes, Visit visit) {
  WireReader reader(bytes);
  while (reader.Next()) {
    if (!visit(reader.field())) return false;
  }
  return reader.ok();
}

bool ReadDimension(Bytes bytes, Dim* dim) {
  return ForEachField(bytes, [&](const Field& field) {
    if (field.number == 1) {
      dim->value = field.AsInt64();
      if (dim->value < 0) dim->value = -1;  // some exporters write -1 for "unknown"
      dim->symbol.clear();
      return field.IsVarint();
    }
    if (field.number == 2) {
      dim->symbol = field.AsString();
      dim->value = -1;
      return field.IsBytes();
    }
    return true;
  });
}

bool ReadShape(Bytes bytes, std::vector<Dim>* dims) {
  return ForEachField(bytes, [&](const Field& field) {
    if (field.number != 1) return true;
    dims->emplace_back();
    return field.IsBytes() && ReadDimension(field.bytes, &dims->back());
  });
}

Result<DType> ReadDType(int64_t number) {
  if (number == 0) return DType::kUndefined;
  auto dtype = DTypeFromOnnx(number);
  if (!dtype) return InvalidArgument("it has the unknown element type " + std::to_string(number));
  return *dtype;
}

Status Malformed() { return InvalidEncoding("its type is malformed"); }

Result<ValueTypePtr> ReadTensorType(Bytes bytes, const Limits& limits) {
  auto type = std::make_shared<ValueType>();
  int64_t dtype = 0;
  const bool parsed = ForEachField(bytes, [&](const Field& field) {
    if (field.number == 1) {
      dtype = field.AsInt64();
      return field.IsVarint();
    }
    if (field.number != 2) return true;
    type->has_shape = true;
    type->dims.clear();
    return field.IsBytes() && ReadShape(field.bytes, &type->dims);
  });
  if (!parsed) return Malformed();
  WNN_ASSIGN_OR_RETURN(type->dtype, ReadDType(dtype));
  if (type->dims.size() > limits.max_rank) {
    return TooLarge("it has rank " + std::to_string(type->dims.size()) + ", over the limit of " +
                    std::to_string(limits.max_rank));
  }
  return ValueTypePtr(std::move(type));
}

Result<ValueTypePtr> ReadNested(Bytes bytes, const Limits& limits, uint64_t depth);

// A sequence, an optional or a map. Maps number their fields otherwise than the others.
Result<ValueTypePtr> ReadContainerType(ValueType::Kind kind, Bytes bytes, const Limits& limits,
                                       uint64_t depth) {
  const bool is_map = kind == ValueType::Kind::kMap;
  const uint32_t element_field = is_map ? 2 : 1;
  auto type = std::make_shared<ValueType>();
  type->kind = kind;
  int64_t key_type = 0;
  std::optional<Bytes> element;
  const bool parsed = ForEachField(bytes, [&](const Field& field) {
    if (field.number == element_field) {
      element = field.bytes;
      return field.IsBytes();
    }
    if (is_map && field.number == 1) {
      key_type = field.AsInt64();
      return field.IsVarint();
    }
    return true;
  });
  if (!parsed) return Malformed();
  WNN_ASSIGN_OR_RETURN(type->key_type, ReadDType(key_type));
  if (element) {
    WNN_ASSIGN_OR_RETURN(type->element, ReadNested(*element, limits, depth + 1));
  }
  return ValueTypePtr(std::move(type));
}

Result<ValueTypePtr> ReadNested(Bytes bytes, const Limits& limits, uint64_t depth) {
  constexpr uint32_t kTensor = 1, kSequence = 4, kMap = 5, kDenotation = 6, kOptional = 9;
  if (depth > limits.max_nesting) {
    return TooLarge("its type is nested deeper than the limit of " +
                    std::to_string(limits.max_nesting));
  }
  uint32_t kind = 0;
  Bytes content;
  const bool parsed = ForEachField(bytes, [&](const Field& field) {
    if (field.number == kDenotation) return true;
    kind = field.number;
    content = field.bytes;
    return field.IsBytes();
  });
  if (!parsed) return Malformed();
  switch (kind) {
    case 0: return ValueType::OfTensor(DType::kUndefined);
    case kTensor: return ReadTensorType(content, limits);
    case kSequence: return ReadContainerType(ValueType::Kind::kSequence, content, limits, depth);
    case kMap: return ReadContainerType(ValueType::Kind::kMap, content, limits, depth);
    case kOptional: return ReadContainerType(ValueType::Kind::kOptional, content, limits, depth);
    default: return Unsupported("it is a sparse tensor or of an opaque type");
  }
}

}  // namespace

Result<ValueTypePtr> ReadType(Bytes bytes, const Limits& limits) {
  return ReadNested(bytes, limits, 0);
}

}  // namespace wnn::frontend
