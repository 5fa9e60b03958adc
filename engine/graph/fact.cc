#include "engine/graph/fact.h"

#include <cstring>

#include "engine/base/checked_math.h"

namespace wnn::graph {

Fact Fact::Unranked(DType dtype) {
  Fact fact;
  fact.dtype = dtype;
  return fact;
}

Fact Fact::Ranked(DType dtype, std::vector<Dim> dims) {
  Fact fact;
  fact.dtype = dtype;
  fact.has_rank = true;
  fact.dims = std::move(dims);
  return fact;
}

Fact Fact::Concrete(DType dtype, std::span<const int64_t> shape) {
  std::vector<Dim> dims;
  dims.reserve(shape.size());
  for (int64_t extent : shape) dims.push_back(KnownDim(extent));
  return Ranked(dtype, std::move(dims));
}

Fact Fact::Constant(TensorPtr tensor) {
  Fact fact = Concrete(tensor->dtype(), tensor->shape());
  fact.constant = std::move(tensor);
  return fact;
}

Fact Fact::Constant(Value value) {
  if (TensorPtr tensor = value.tensor_ptr()) return Constant(std::move(tensor));
  Fact fact = OfValue(value);
  fact.object = std::move(value);
  return fact;
}

Fact Fact::OfType(const ValueType& type) {
  if (type.kind == ValueType::Kind::kTensor) {
    return type.has_shape ? Ranked(type.dtype, type.dims) : Unranked(type.dtype);
  }
  Fact fact;
  fact.container = std::make_shared<ValueType>(type);
  return fact;
}

Fact Fact::OfValue(const Value& value) {
  if (value.tensor() != nullptr || value.strings() != nullptr) {
    return Concrete(value.dtype(), value.dims());
  }
  Fact fact;
  if (!value.empty()) fact.container = TypeOf(value);
  return fact;
}

ValueTypePtr Fact::ElementType() const {
  if (container != nullptr) return container;
  auto type = std::make_shared<ValueType>();
  type->dtype = dtype;
  return type;
}

bool Fact::IsConcrete() const {
  if (dtype == DType::kUndefined || !has_rank) return false;
  for (const Dim& dim : dims) {
    if (!IsKnown(dim)) return false;
  }
  return true;
}

Shape Fact::ConcreteShape() const {
  Shape shape;
  shape.reserve(dims.size());
  for (const Dim& dim : dims) shape.push_back(dim.value);
  return shape;
}

std::string Fact::ToString() const {
  ValueInfo info;
  info.dtype = dtype;
  info.has_shape = has_rank;
  info.dims = dims;
  info.container = container;
  return ValueInfoToString(info);
}

bool SameDim(const Dim& a, const Dim& b) {
  if (IsKnown(a) || IsKnown(b)) return a.value == b.value;
  return !a.symbol.empty() && a.symbol == b.symbol;
}

Status CheckSize(const Fact& fact) {
  if (!fact.has_rank) return OkStatus();
  if (fact.rank() > kMaxRank) {
    return TooLarge("rank " + std::to_string(fact.rank()) + " is over the limit of " +
                    std::to_string(kMaxRank));
  }
  for (const Dim& dim : fact.dims) {
    if (dim.value > kMaxExtent) {
      return TooLarge("an extent of " + fact.ToString() + " is over the limit of " +
                      std::to_string(kMaxExtent));
    }
  }
  if (!fact.IsConcrete()) return OkStatus();
  auto count = ElementCount(fact.ConcreteShape());
  const bool is_string = fact.dtype == DType::kString;
  if (!count || (!is_string && !DenseBytes(fact.dtype, *count))) {
    return TooLarge(fact.ToString() + " has no size in bytes that can be expressed");
  }
  return OkStatus();
}

Result<std::optional<std::vector<int64_t>>> ConstantInts(const Fact& fact) {
  if (fact.dtype != DType::kUndefined && fact.dtype != DType::kInt64 &&
      fact.dtype != DType::kInt32) {
    return InvalidArgument("expected an int64 or int32 tensor, not " + fact.ToString());
  }
  if (fact.has_rank && fact.rank() > 1) {
    return InvalidArgument("expected a tensor of rank 0 or 1, not " + fact.ToString());
  }
  if (!fact.constant) return std::optional<std::vector<int64_t>>();
  std::span<const std::byte> bytes = fact.constant->bytes();
  std::vector<int64_t> values(static_cast<size_t>(fact.constant->n_elements()));
  if (fact.dtype == DType::kInt64) {
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  } else {
    for (size_t i = 0; i < values.size(); ++i) {
      int32_t value;
      std::memcpy(&value, bytes.data() + i * sizeof(value), sizeof(value));
      values[i] = value;
    }
  }
  return std::optional(std::move(values));
}

Result<TensorPtr> MakeInt64Tensor(std::span<const int64_t> values) {
  WNN_ASSIGN_OR_RETURN(Tensor tensor,
                       Tensor::Allocate(DType::kInt64, {static_cast<int64_t>(values.size())}));
  if (!values.empty()) std::memcpy(tensor.bytes().data(), values.data(), values.size_bytes());
  return TensorPtr(std::make_shared<const Tensor>(std::move(tensor)));
}

}  // namespace wnn::graph
