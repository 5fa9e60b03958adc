// Sorting that a deadline can end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/base/stop_check.h"

namespace wnn {

// Sorts n items by `before`, a strict weak order; once `parallel` is stopped, leaves them in any
// order. `cost`: about how many nanoseconds one comparison takes. A comparison that notices by
// itself that it must stop may say anything from then on. Not stable. Takes no memory.
template <typename T, typename Before>
void StoppableSort(T* items, int64_t n, int64_t cost, Parallel& parallel, Before before) {
  constexpr int64_t kShort = 1 << 16;
  if (n * cost <= kShort) {
    std::sort(items, items + n, before);
    return;
  }
  // A heap, written out: the standard's algorithms ask for an order that stays one.
  StopCheck check(parallel);
  const auto sift = [&](int64_t at, int64_t size) {
    for (int64_t child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (check.Stopped(2 * cost)) return;
      if (child + 1 < size && before(items[child], items[child + 1])) ++child;
      if (!before(items[at], items[child])) return;
      std::swap(items[at], items[child]);
      at = child;
    }
  };
  for (int64_t at = n / 2; at-- > 0;) {
    if (check.Stopped(1)) return;
    sift(at, n);
  }
  for (int64_t size = n - 1; size > 0; --size) {
    if (check.Stopped(1)) return;
    std::swap(items[0], items[size]);
    sift(0, size);
  }
}

}  // namespace wnn
