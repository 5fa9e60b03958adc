// Splits a range of work over a Parallel. The split depends on the work only, never on the number
// of threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/base/parallel.h"

namespace wnn::kernels {

// Elements that make a task worth its overhead, for work of about a nanosecond an element.
inline constexpr int64_t kElementsPerTask = 16 * 1024;

// Calls body(begin, end) for consecutive ranges of at most `grain` that cover [0, n).
template <typename Body>
void ForRanges(Parallel& parallel, int64_t n, int64_t grain, Body&& body) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (n <= grain) {
    body(int64_t{0}, n);
    return;
  }
  size_t n_tasks = static_cast<size_t>((n + grain - 1) / grain);
  parallel.ForEach(n_tasks, [&](size_t task, int) {
    int64_t begin = static_cast<int64_t>(task) * grain;
    body(begin, std::min(n, begin + grain));
  });
}

}  // namespace wnn::kernels
