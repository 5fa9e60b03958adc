// Where keys stand in a list.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/base/memory_budget.h"
#include "engine/base/stop_check.h"
#include "engine/base/stoppable_sort.h"

namespace wnn::ops {

// The place of every key of a list. Sorted, and no tree or hash table, which takes long to free.
// What a key refers to outlives this.
template <typename Key>
class Places {
 public:
  // key(i) for each i in [0, n), `cost` nanoseconds to compare. kTooLarge over `budget`, which may
  // be null. In no order once `parallel` is stopped, which the caller looks for.
  template <typename KeyAt>
  static Result<Places> Of(size_t n, KeyAt key, int64_t cost, Parallel& parallel,
                           std::shared_ptr<MemoryBudget> budget) {
    Places places;
    WNN_ASSIGN_OR_RETURN(places.charge_, MemoryCharge::Take(std::move(budget), n * sizeof(Entry)));
    places.sorted_.reserve(n);
    StopCheck check(parallel);
    for (size_t i = 0; i < n && !check.Stopped(2); ++i) {
      places.sorted_.push_back({key(i), static_cast<int64_t>(i)});
    }
    // In a list that was written in order they are that already.
    const auto sorted = std::ranges::is_sorted_until(places.sorted_);
    if (sorted != places.sorted_.end()) {
      StoppableSort(places.sorted_.data(), static_cast<int64_t>(places.sorted_.size()), cost,
                    parallel, std::less<Entry>());
    }
    return places;
  }

  // The last place of `key`; -1 for nowhere.
  int64_t Find(const Key& key) const {
    const auto after = std::ranges::upper_bound(sorted_, key, {}, &Entry::first);
    const bool found = after != sorted_.begin() && std::prev(after)->first == key;
    return found ? std::prev(after)->second : -1;
  }
  // A place whose key is there twice; -1 for none.
  int64_t FindTwice() const {
    const auto twice = std::ranges::adjacent_find(sorted_, {}, &Entry::first);
    return twice == sorted_.end() ? -1 : twice->second;
  }

 private:
  using Entry = std::pair<Key, int64_t>;

  std::vector<Entry> sorted_;
  MemoryCharge charge_;
};

}  // namespace wnn::ops
