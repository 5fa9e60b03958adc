// The plans of one model, by what they were made for. Bounded: the least recently used one goes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/mutex.h"
#include "engine/plan/plan.h"

namespace wnn::plan {

// What a plan was made for: every input's type and shape, and the values in needed_values.
std::string PlanKey(const graph::Graph& graph, std::span<const TensorView> inputs,
                    const std::vector<bool>& needed_values);

// Thread-safe.
class PlanCache {
 public:
  explicit PlanCache(size_t capacity) : capacity_(capacity) {}

  // Null if there is none.
  std::shared_ptr<const Plan> Find(std::string_view key);
  void Insert(std::string key, std::shared_ptr<const Plan> plan);

 private:
  struct Entry {
    std::string key;
    std::shared_ptr<const Plan> plan;
  };

  const size_t capacity_;
  Mutex mutex_;
  std::vector<Entry> entries_ WNN_GUARDED_BY(mutex_);  // the most recently used one last
};

}  // namespace wnn::plan
