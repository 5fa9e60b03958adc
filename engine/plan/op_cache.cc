#include "engine/plan/op_cache.h"

#include <algorithm>

namespace wnn::plan {

std::shared_ptr<const CompiledNode> OpCache::Find(const graph::Node& node, std::string_view key) {
  MutexLock lock(mutex_);
  auto found = nodes_.find(&node);
  if (found == nodes_.end()) return nullptr;
  std::vector<Entry>& entries = found->second;
  auto it = std::find_if(entries.begin(), entries.end(),
                         [&](const Entry& entry) { return entry.key == key; });
  if (it == entries.end()) return nullptr;
  std::rotate(it, it + 1, entries.end());
  return entries.back().compiled;
}

void OpCache::Insert(const graph::Node& node, std::string key,
                     std::shared_ptr<const CompiledNode> made) {
  MutexLock lock(mutex_);
  std::vector<Entry>& entries = nodes_[&node];
  std::erase_if(entries, [&](const Entry& entry) { return entry.key == key; });
  if (entries.size() == kMaxEntriesPerNode) entries.erase(entries.begin());
  entries.push_back({std::move(key), std::move(made)});
}

}  // namespace wnn::plan
