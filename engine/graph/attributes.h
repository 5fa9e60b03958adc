// A node's attributes: parsed from the model once, read by operators by name and type.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/base/status.h"
#include "engine/graph/fact.h"

namespace wnn::graph {

class Graph;
using GraphPtr = std::shared_ptr<const Graph>;

using AttributeValue =
    std::variant<int64_t, float, std::string, TensorPtr, GraphPtr, std::vector<int64_t>,
                 std::vector<float>, std::vector<std::string>, std::vector<TensorPtr>,
                 wnn::Value,  // a tensor of strings
                 ValueTypePtr>;

// The getters return `otherwise` (or an empty span) for an absent attribute and kInvalidArgument,
// naming it, for one of another type. Spans and views live as long as the Attributes.
class Attributes {
 public:
  // False if the name is taken.
  bool Add(std::string name, AttributeValue value);
  // Adds, or replaces what the name has.
  void Set(std::string name, AttributeValue value);
  void Remove(std::string_view name);
  // Null if there is none. Lifetime: until the attribute changes.
  const AttributeValue* Find(std::string_view name) const;
  bool Has(std::string_view name) const { return values_.find(name) != values_.end(); }

  Result<int64_t> Int(std::string_view name, int64_t otherwise) const;
  Result<float> Float(std::string_view name, float otherwise) const;
  Result<std::string_view> String(std::string_view name, std::string_view otherwise) const;
  Result<std::span<const int64_t>> Ints(std::string_view name) const;
  Result<std::span<const float>> Floats(std::string_view name) const;
  Result<std::span<const std::string>> Strings(std::string_view name) const;
  Result<TensorPtr> TensorValue(std::string_view name) const;  // null if absent
  // A dense tensor or one of strings; empty if absent.
  Result<wnn::Value> AnyTensor(std::string_view name) const;
  Result<GraphPtr> Subgraph(std::string_view name) const;  // null if absent
  Result<ValueTypePtr> Type(std::string_view name) const;  // null if absent

  // kInvalidArgument when absent.
  Result<int64_t> RequiredInt(std::string_view name) const;
  Result<GraphPtr> RequiredSubgraph(std::string_view name) const;

  // By name.
  const std::map<std::string, AttributeValue, std::less<>>& all() const { return values_; }

 private:
  template <typename T>
  Result<const T*> Get(std::string_view name) const;

  std::map<std::string, AttributeValue, std::less<>> values_;
};

}  // namespace wnn::graph
