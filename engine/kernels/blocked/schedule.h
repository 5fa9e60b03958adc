// How kernels cut their work into tasks. Cuts decide who computes a number, never what it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "engine/base/function_ref.h"
#include "engine/base/parallel.h"
#include "engine/kernels/range.h"

namespace wnn::kernels {

// The fewest tasks for work of `mul_adds` multiply-adds: none takes much longer than 10 ms, since
// deadlines are looked at between tasks.
inline int64_t FewestTasks(double mul_adds) {
  constexpr double kMostMulAdds = 2.5e8;
  return std::max<int64_t>(1, static_cast<int64_t>(std::min(mul_adds / kMostMulAdds, 1e6)));
}

// How many tasks serve work of `mul_adds` multiply-adds: enough that a thread which lost its core
// does not hold up the others, each long enough (about 10 us) to hide what sharing costs.
inline int64_t TaskCount(double mul_adds, int n_threads) {
  if (n_threads == 1) return FewestTasks(mul_adds);
  constexpr double kTaskMulAdds = 5e5;
  const auto wanted = static_cast<int64_t>(std::min(mul_adds / kTaskMulAdds, 1e9));
  const int64_t most = std::max(int64_t{6} * n_threads, FewestTasks(mul_adds));
  if (wanted >= most) return most;
  // A few tasks: whole rounds, so that nobody works while others wait.
  return wanted <= 1 ? 1 : RoundUp(wanted, n_threads);
}

// A matrix product's work, cut by pixels (rows of the input) and by panels of weights.
struct GridWork {
  int64_t pixels = 0;
  int64_t min_part_pixels = 1;  // a tile: parts smaller than it waste registers
  int64_t panels = 0;
  int64_t pixel_floats = 0;   // of input, a pixel
  int64_t weight_floats = 0;  // of all panels
  double mul_adds = 0;
};
struct Grid {
  int64_t pixel_parts = 1;
  int64_t panel_parts = 1;
};

// A cut by pixels makes every part read all weights, one by panels all pixels: the cheaper comes
// first, and the other only when the first gives too few tasks.
inline Grid ChooseGrid(const GridWork& work, int n_threads) {
  const int64_t wanted = TaskCount(work.mul_adds, n_threads);
  if (wanted == 1) return {};
  const int64_t most_pixel_parts = CeilDiv(work.pixels, work.min_part_pixels);
  const bool pixels_first = work.weight_floats <= work.pixels * work.pixel_floats;
  Grid grid;
  if (pixels_first) {
    grid.pixel_parts = std::min(wanted, most_pixel_parts);
    grid.panel_parts = std::min(work.panels, CeilDiv(wanted, grid.pixel_parts));
  } else {
    grid.panel_parts = std::min(wanted, work.panels);
    grid.pixel_parts = std::min(most_pixel_parts, CeilDiv(wanted, grid.panel_parts));
  }
  return grid;
}

// As TaskCount for work that moves `bytes` rather than computes.
inline int64_t CopyTaskCount(double bytes, int n_threads) {
  return TaskCount(bytes * 4, n_threads);
}

// Parallel::ForEach that spares a single task the trip through the pool.
inline void ForEachTask(Parallel& parallel, int64_t n_tasks,
                        FunctionRef<void(int64_t task, int thread)> run) {
  if (n_tasks == 1) {
    run(0, 0);
    return;
  }
  parallel.ForEach(static_cast<size_t>(n_tasks),
                   [&run](size_t task, int thread) { run(static_cast<int64_t>(task), thread); });
}

}  // namespace wnn::kernels
