#include "engine/ops/string_integers.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>

#include "engine/base/stop_check.h"
#include "engine/base/stoppable_sort.h"
#include "engine/ops/op_def.h"

namespace wnn::ops {

bool StringIntegers::Needed(const graph::Node& node, std::span<const Value> inputs) {
  if (node.op->string_inputs == 0) return false;
  for (size_t i = 0; i < node.n_own_inputs(); ++i) {
    if (HasBit(node.op->string_inputs, i) && inputs[i].strings() != nullptr) return true;
  }
  return false;
}

Result<StringIntegers> StringIntegers::Replace(const graph::Node& node, std::vector<Value>& inputs,
                                               const std::shared_ptr<MemoryBudget>& budget,
                                               Parallel& parallel) {
  StringIntegers strings;
  auto is_replaced = [&](size_t i) {
    return HasBit(node.op->string_inputs, i) && inputs[i].strings() != nullptr;
  };
  size_t n = 1;  // the empty one
  for (size_t i = 0; i < node.n_own_inputs(); ++i) {
    if (!is_replaced(i)) continue;
    n += inputs[i].strings()->elements.size();
    strings.held_.push_back(inputs[i]);
  }
  WNN_ASSIGN_OR_RETURN(strings.charge_,
                       MemoryCharge::Take(budget, uint64_t{sizeof(std::string_view)} * n));
  std::vector<std::string_view>& sorted = strings.sorted_;
  StopCheck check(parallel);
  sorted.reserve(n);
  sorted.emplace_back();
  for (const Value& value : strings.held_) {
    for (const std::string& text : value.strings()->elements) {
      if (check.Stopped(2)) break;
      sorted.push_back(text);
    }
  }
  StoppableSort(sorted.data(), static_cast<int64_t>(sorted.size()), 20, parallel,
                std::less<std::string_view>());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  if (sorted.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return TooLarge("its inputs hold more than 2^31 different strings");
  }
  for (size_t i = 0; i < node.n_own_inputs(); ++i) {
    if (!is_replaced(i)) continue;
    const StringTensor& from = *inputs[i].strings();
    WNN_ASSIGN_OR_RETURN(Tensor to, Tensor::Allocate(DType::kInt32, from.shape, budget));
    int32_t* integers = reinterpret_cast<int32_t*>(to.bytes().data());
    for (size_t e = 0; e < from.elements.size(); ++e) {
      if (check.Stopped(300)) return strings;
      const std::string_view text = from.elements[e];
      const auto at = std::lower_bound(sorted.begin(), sorted.end(), text);
      integers[e] = static_cast<int32_t>(at - sorted.begin());
    }
    inputs[i] = Value(std::move(to));
  }
  return strings;
}

Status StringIntegers::Restore(const graph::Node& node, std::vector<Value>& outputs,
                               const std::shared_ptr<MemoryBudget>& budget,
                               Parallel& parallel) const {
  StopCheck check(parallel);
  for (size_t i = 0; i < outputs.size(); ++i) {
    const Tensor* from = outputs[i].tensor();
    if (!HasBit(node.op->string_outputs, i) || from == nullptr) continue;
    if (from->dtype() != DType::kInt32) return Internal("strings became something else");
    const int32_t* integers = reinterpret_cast<const int32_t*>(from->bytes().data());
    StringTensor strings(budget);
    strings.shape = from->shape();
    const size_t n_elements = static_cast<size_t>(from->n_elements());
    WNN_RETURN_IF_ERROR(strings.Reserve(n_elements));
    for (size_t e = 0; e < n_elements; ++e) {
      const size_t at = static_cast<size_t>(integers[e]);
      if (at >= sorted_.size()) return Internal("an operator made up a string");
      if (check.Stopped(20 + static_cast<int64_t>(sorted_[at].size()) / 2)) return OkStatus();
      WNN_RETURN_IF_ERROR(strings.ChargeText(sorted_[at].size()));
      strings.elements.emplace_back(sorted_[at]);
    }
    WNN_RETURN_IF_ERROR(strings.Charge());
    outputs[i] = Value(std::move(strings));
  }
  return OkStatus();
}

}  // namespace wnn::ops
