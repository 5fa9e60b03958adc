// Compiled operators of nodes that run one by one, by the types and shapes that they were compiled
// for. Bounded: of each node the least recently used one goes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/graph/graph.h"
#include "engine/ops/op_def.h"

namespace wnn::plan {

// A node for certain input facts. Immutable.
struct CompiledNode {
  std::vector<graph::Fact> outputs;  // one an output; of those left out nothing is known
  // Null if every output is constant.
  std::unique_ptr<const ops::CompiledOp> op;
};

// Thread-safe.
class OpCache {
 public:
  // Null if there is none.
  std::shared_ptr<const CompiledNode> Find(const graph::Node& node, std::string_view key);
  void Insert(const graph::Node& node, std::string key, std::shared_ptr<const CompiledNode> made);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const CompiledNode> compiled;
  };
  static constexpr size_t kMaxEntriesPerNode = 8;

  Mutex mutex_;
  // The most recently used one last.
  std::unordered_map<const graph::Node*, std::vector<Entry>> nodes_ WNN_GUARDED_BY(mutex_);
};

}  // namespace wnn::plan
