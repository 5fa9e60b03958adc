#include "engine/tensor/value.h"

#include <algorithm>

#include "engine/base/checked_math.h"

namespace wnn {
namespace {

bool SameOrUnknown(DType wanted, DType given) {
  return wanted == DType::kUndefined || given == DType::kUndefined || wanted == given;
}

// Whether a value of type `given` may stand where `wanted` is declared; unknown parts fit.
bool Fits(const ValueType& wanted, const ValueType& given) {
  if (wanted.kind != given.kind) return false;
  if (!SameOrUnknown(wanted.dtype, given.dtype)) return false;
  if (!SameOrUnknown(wanted.key_type, given.key_type)) return false;
  if (wanted.element == nullptr || given.element == nullptr) return true;
  return Fits(*wanted.element, *given.element);
}

// Tensors inside containers differ in shape: only their type is the container's.
ValueTypePtr ElementTypeOf(const Value& value) {
  if (value.tensor() != nullptr || value.strings() != nullptr) {
    return ValueType::OfTensor(value.dtype());
  }
  return TypeOf(value);
}

// As CheckTensor() of all tensors within.
Status CheckTensors(const Value& value) {
  if (const Tensor* tensor = value.tensor()) return CheckTensor(tensor->view());
  if (const Sequence* sequence = value.sequence()) {
    for (const Value& element : sequence->elements) WNN_RETURN_IF_ERROR(CheckTensors(element));
  }
  if (const Optional* optional = value.optional()) return CheckTensors(optional->value);
  if (const Map* map = value.map()) return CheckTensors(map->values);
  return OkStatus();
}

size_t CountThings(std::span<const Value> values);

// The things that end with `value`, and what its tensors take as so many. What is long by itself
// leaves by itself, and is one.
size_t CountThings(const Value& value) {
  if (!value.IsUnique()) return 1;
  size_t n = 1;
  if (const Tensor* tensor = value.tensor()) {
    n += tensor->bytes().size() / (kLongEndBytes / kLongEndThings);
  } else if (const StringTensor* strings = value.strings()) {
    n += strings->elements.size();
  } else if (const Sequence* sequence = value.sequence()) {
    n += CountThings(sequence->elements);
  } else if (const Optional* optional = value.optional()) {
    n += CountThings(optional->value);
  } else if (const Map* map = value.map()) {
    n += CountThings(map->keys) + CountThings(map->values);
  }
  const bool leaves = value.map() == nullptr && value.optional() == nullptr;
  return leaves && n >= kLongEndThings ? 1 : n;
}

// Of all together, until it is clear that they are many.
size_t CountThings(std::span<const Value> values) {
  size_t n = 0;
  for (size_t i = 0; i < values.size() && n < kLongEndThings; ++i) n += CountThings(values[i]);
  return n;
}

bool IsLongToEnd(std::span<const Value> values) { return CountThings(values) >= kLongEndThings; }

}  // namespace

ValueTypePtr ValueType::OfTensor(DType dtype) {
  auto type = std::make_shared<ValueType>();
  type->dtype = dtype;
  return type;
}

ValueTypePtr ValueType::OfSequence(ValueTypePtr element) {
  auto type = std::make_shared<ValueType>();
  type->kind = Kind::kSequence;
  type->element = std::move(element);
  return type;
}

ValueTypePtr ValueType::OfOptional(ValueTypePtr element) {
  auto type = std::make_shared<ValueType>();
  type->kind = Kind::kOptional;
  type->element = std::move(element);
  return type;
}

ValueTypePtr ValueType::OfMap(DType key_type, ValueTypePtr element) {
  auto type = std::make_shared<ValueType>();
  type->kind = Kind::kMap;
  type->key_type = key_type;
  type->element = std::move(element);
  return type;
}

std::string ValueTypeToString(const ValueType& type) {
  const std::string element = type.element != nullptr ? ValueTypeToString(*type.element) : "?";
  switch (type.kind) {
    case ValueType::Kind::kTensor: {
      ValueInfo info;
      info.dtype = type.dtype;
      info.has_shape = type.has_shape;
      info.dims = type.dims;
      return ValueInfoToString(info);
    }
    case ValueType::Kind::kSequence: return "seq(" + element + ")";
    case ValueType::Kind::kOptional: return "optional(" + element + ")";
    case ValueType::Kind::kMap:
      return "map(" + std::string(DTypeName(type.key_type)) + ", " + element + ")";
  }
  return "?";
}

Value::Value(Tensor tensor) : held_(TensorPtr(std::make_shared<Tensor>(std::move(tensor)))) {}
Value::Value(TensorPtr tensor) {
  if (tensor != nullptr) held_ = std::move(tensor);
}
Value::Value(StringTensor strings)
    : held_(
          std::shared_ptr<const StringTensor>(std::make_shared<StringTensor>(std::move(strings)))) {
}
Value::Value(Sequence sequence)
    : held_(std::shared_ptr<const Sequence>(std::make_shared<Sequence>(std::move(sequence)))) {}
Value::Value(Optional optional)
    : held_(std::shared_ptr<const Optional>(std::make_shared<Optional>(std::move(optional)))) {}
Value::Value(Map map) : held_(std::shared_ptr<const Map>(std::make_shared<Map>(std::move(map)))) {}

TensorPtr Value::tensor_ptr() const {
  const TensorPtr* held = std::get_if<TensorPtr>(&held_);
  return held != nullptr ? *held : nullptr;
}

DType Value::dtype() const {
  if (const Tensor* held = tensor()) return held->dtype();
  return strings() != nullptr ? DType::kString : DType::kUndefined;
}

std::span<const int64_t> Value::dims() const {
  if (const Tensor* held = tensor()) return held->shape();
  if (const StringTensor* held = strings()) return held->shape;
  return {};
}

uint64_t Value::size_bytes() const {
  uint64_t bytes = 0;
  if (const Tensor* held = tensor()) return held->bytes().size();
  if (const StringTensor* held = strings()) {
    for (const std::string& element : held->elements) bytes += sizeof(element) + element.size();
  } else if (const Sequence* list = sequence()) {
    for (const Value& element : list->elements) bytes += sizeof(element) + element.size_bytes();
  } else if (const Optional* held_optional = optional()) {
    bytes = held_optional->value.size_bytes();
  } else if (const Map* held_map = map()) {
    bytes = held_map->keys.size_bytes() + held_map->values.size_bytes();
  }
  return bytes;
}

bool Value::IsUnique() const {
  if (const Tensor* held = tensor(); held != nullptr && held->SharesBytes()) return false;
  return std::visit(
      [](const auto& held) {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::monostate>) {
          return true;
        } else {
          return held.use_count() == 1;
        }
      },
      held_);
}

Result<StringTensor> StringTensor::Make(Shape shape, std::vector<std::string> elements,
                                        std::shared_ptr<MemoryBudget> budget) {
  StringTensor strings(std::move(budget));
  strings.shape = std::move(shape);
  strings.elements = std::move(elements);
  WNN_RETURN_IF_ERROR(strings.Charge());
  return strings;
}

StringTensor::~StringTensor() {
  if (elements.size() >= kLongEndThings) charge.DiscardWith(std::move(elements));
}

Status StringTensor::Reserve(size_t n) {
  WNN_RETURN_IF_ERROR(charge.Resize(uint64_t{sizeof(std::string)} * n));
  elements.reserve(n);
  return OkStatus();
}

Status StringTensor::ChargeText(size_t n_bytes) {
  constexpr uint64_t kStepBytes = uint64_t{1} << 20;
  uncharged_bytes += n_bytes;
  if (uncharged_bytes < kStepBytes) return OkStatus();
  WNN_RETURN_IF_ERROR(charge.Resize(charge.bytes() + uncharged_bytes));
  uncharged_bytes = 0;
  return OkStatus();
}

Status StringTensor::Charge() {
  uint64_t bytes = 0;
  for (const std::string& text : elements) bytes += sizeof(text) + text.size();
  uncharged_bytes = 0;
  return charge.Resize(bytes);
}

Result<Sequence> Sequence::Make(ValueTypePtr element, std::vector<Value> elements,
                                std::shared_ptr<MemoryBudget> budget) {
  Sequence sequence(std::move(budget));
  sequence.element = std::move(element);
  sequence.elements = std::move(elements);
  WNN_RETURN_IF_ERROR(sequence.Charge());
  return sequence;
}

Sequence::~Sequence() {
  if (IsLongToEnd(elements)) charge.DiscardWith(std::move(elements));
}

Status Sequence::Reserve(size_t n) {
  WNN_RETURN_IF_ERROR(charge.Resize(uint64_t{sizeof(Value)} * n));
  elements.reserve(n);
  return OkStatus();
}

Status Sequence::Charge() { return charge.Resize(elements.size() * sizeof(Value)); }

void Discard(std::shared_ptr<MemoryBudget> budget, std::vector<Value> values) {
  if (IsLongToEnd(values)) MemoryBudget::Discard(std::move(budget), std::move(values));
}

ValueTypePtr TypeOf(const Value& value) {
  if (const Sequence* sequence = value.sequence()) {
    ValueTypePtr element = sequence->element;
    if (element == nullptr && !sequence->elements.empty()) {
      element = ElementTypeOf(sequence->elements[0]);
    }
    return ValueType::OfSequence(std::move(element));
  }
  if (const Optional* optional = value.optional()) {
    ValueTypePtr element = optional->element;
    if (element == nullptr && !optional->value.empty()) element = ElementTypeOf(optional->value);
    return ValueType::OfOptional(std::move(element));
  }
  if (const Map* map = value.map()) {
    return ValueType::OfMap(map->keys.dtype(), ValueType::OfTensor(map->values.dtype()));
  }
  auto type = std::make_shared<ValueType>();
  type->dtype = value.dtype();
  type->has_shape = !value.empty();
  for (int64_t extent : value.dims()) type->dims.push_back({extent, {}});
  return type;
}

Status CheckValue(const ValueInfo& declared, const Value& value) {
  if (const Tensor* tensor = value.tensor()) return CheckInput(declared, tensor->view());
  const ValueTypePtr given = TypeOf(value);
  bool fits = !value.empty();
  if (declared.container != nullptr) {
    fits = fits && Fits(*declared.container, *given);
  } else {
    fits = fits && value.strings() != nullptr && SameOrUnknown(declared.dtype, DType::kString) &&
           (!declared.has_shape ||
            std::equal(declared.dims.begin(), declared.dims.end(), value.dims().begin(),
                       value.dims().end(), [](const Dim& wanted, int64_t extent) {
                         return wanted.value < 0 || wanted.value == extent;
                       }));
  }
  if (!fits) {
    return InvalidArgument("input '" + declared.name + "' is " + ValueInfoToString(declared) +
                           ", but the value is " +
                           (value.empty() ? "missing" : ValueTypeToString(*given)));
  }
  if (const StringTensor* strings = value.strings()) {
    auto count = ElementCount(strings->shape);
    if (!count || static_cast<uint64_t>(*count) != strings->elements.size()) {
      return InvalidArgument("input '" + declared.name + "' has " +
                             std::to_string(strings->elements.size()) + " strings, but the shape " +
                             ShapeToString(strings->shape));
    }
  }
  return CheckTensors(value).WithContext("input '" + declared.name + "'");
}

}  // namespace wnn
