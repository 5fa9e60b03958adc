#include "engine/graph/attributes.h"

namespace wnn::graph {

bool Attributes::Add(std::string name, AttributeValue value) {
  return values_.emplace(std::move(name), std::move(value)).second;
}

void Attributes::Set(std::string name, AttributeValue value) {
  values_.insert_or_assign(std::move(name), std::move(value));
}

void Attributes::Remove(std::string_view name) {
  if (auto it = values_.find(name); it != values_.end()) values_.erase(it);
}

const AttributeValue* Attributes::Find(std::string_view name) const {
  auto it = values_.find(name);
  return it == values_.end() ? nullptr : &it->second;
}

template <typename T>
Result<const T*> Attributes::Get(std::string_view name) const {
  auto it = values_.find(name);
  if (it == values_.end()) return static_cast<const T*>(nullptr);
  const T* value = std::get_if<T>(&it->second);
  if (value == nullptr) {
    return InvalidArgument("attribute '" + std::string(name) + "' is of another type");
  }
  return value;
}

Result<int64_t> Attributes::Int(std::string_view name, int64_t otherwise) const {
  WNN_ASSIGN_OR_RETURN(const int64_t* value, Get<int64_t>(name));
  return value != nullptr ? *value : otherwise;
}

Result<float> Attributes::Float(std::string_view name, float otherwise) const {
  WNN_ASSIGN_OR_RETURN(const float* value, Get<float>(name));
  return value != nullptr ? *value : otherwise;
}

Result<std::string_view> Attributes::String(std::string_view name,
                                            std::string_view otherwise) const {
  WNN_ASSIGN_OR_RETURN(const std::string* value, Get<std::string>(name));
  return value != nullptr ? std::string_view(*value) : otherwise;
}

Result<std::span<const int64_t>> Attributes::Ints(std::string_view name) const {
  WNN_ASSIGN_OR_RETURN(const std::vector<int64_t>* value, Get<std::vector<int64_t>>(name));
  return value != nullptr ? std::span<const int64_t>(*value) : std::span<const int64_t>();
}

Result<std::span<const float>> Attributes::Floats(std::string_view name) const {
  WNN_ASSIGN_OR_RETURN(const std::vector<float>* value, Get<std::vector<float>>(name));
  return value != nullptr ? std::span<const float>(*value) : std::span<const float>();
}

Result<TensorPtr> Attributes::TensorValue(std::string_view name) const {
  WNN_ASSIGN_OR_RETURN(const TensorPtr* value, Get<TensorPtr>(name));
  return value != nullptr ? *value : TensorPtr();
}

Result<std::span<const std::string>> Attributes::Strings(std::string_view name) const {
  using List = std::vector<std::string>;
  WNN_ASSIGN_OR_RETURN(const List* value, Get<List>(name));
  return value != nullptr ? std::span<const std::string>(*value) : std::span<const std::string>();
}

Result<wnn::Value> Attributes::AnyTensor(std::string_view name) const {
  const AttributeValue* value = Find(name);
  if (value != nullptr && std::holds_alternative<TensorPtr>(*value)) {
    return wnn::Value(std::get<TensorPtr>(*value));
  }
  WNN_ASSIGN_OR_RETURN(const wnn::Value* strings, Get<wnn::Value>(name));
  return strings != nullptr ? *strings : wnn::Value();
}

Result<GraphPtr> Attributes::Subgraph(std::string_view name) const {
  WNN_ASSIGN_OR_RETURN(const GraphPtr* value, Get<GraphPtr>(name));
  return value != nullptr ? *value : GraphPtr();
}

Result<ValueTypePtr> Attributes::Type(std::string_view name) const {
  WNN_ASSIGN_OR_RETURN(const ValueTypePtr* value, Get<ValueTypePtr>(name));
  return value != nullptr ? *value : ValueTypePtr();
}

Result<GraphPtr> Attributes::RequiredSubgraph(std::string_view name) const {
  WNN_ASSIGN_OR_RETURN(GraphPtr value, Subgraph(name));
  if (value == nullptr) {
    return InvalidArgument("attribute '" + std::string(name) + "' is missing");
  }
  return value;
}

Result<int64_t> Attributes::RequiredInt(std::string_view name) const {
  if (!Has(name)) return InvalidArgument("attribute '" + std::string(name) + "' is missing");
  return Int(name, 0);
}

}  // namespace wnn::graph
