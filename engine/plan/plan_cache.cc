#include "engine/plan/plan_cache.h"

#include <algorithm>

namespace wnn::plan {
namespace {

void AppendNumber(int64_t number, std::string* key) {
  key->append(reinterpret_cast<const char*>(&number), sizeof(number));
}

}  // namespace

std::string PlanKey(const graph::Graph& graph, std::span<const TensorView> inputs,
                    const std::vector<bool>& needed_values) {
  // Every part says its own length, so that different requests have different keys.
  std::string key;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const TensorView& view = inputs[i];
    AppendNumber(static_cast<int64_t>(view.dtype), &key);
    AppendNumber(static_cast<int64_t>(view.dims.size()), &key);
    for (int64_t dim : view.dims) AppendNumber(dim, &key);
    if (!needed_values[static_cast<size_t>(graph.inputs[i])]) continue;
    key.append(reinterpret_cast<const char*>(view.data.data()), view.data.size());
  }
  return key;
}

std::shared_ptr<const Plan> PlanCache::Find(std::string_view key) {
  MutexLock lock(mutex_);
  auto it = std::find_if(entries_.begin(), entries_.end(),
                         [&](const Entry& entry) { return entry.key == key; });
  if (it == entries_.end()) return nullptr;
  std::rotate(it, it + 1, entries_.end());
  return entries_.back().plan;
}

void PlanCache::Insert(std::string key, std::shared_ptr<const Plan> plan) {
  MutexLock lock(mutex_);
  std::erase_if(entries_, [&](const Entry& entry) { return entry.key == key; });
  if (entries_.size() == capacity_) entries_.erase(entries_.begin());
  entries_.push_back({std::move(key), std::move(plan)});
}

}  // namespace wnn::plan
