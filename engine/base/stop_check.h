// How work that takes long within one task notices that it is no longer wanted.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/parallel.h"

namespace wnn {

// Whether the condition of a StoppableParallel holds. Costs a clock read.
inline bool IsStopped(Parallel& parallel) {
  // One task runs where it is called from, also within a task; a StoppableParallel skips it.
  bool stopped = true;
  parallel.ForEach(1, [&stopped](size_t, int) { stopped = false; });
  return stopped;
}

// Asks a StoppableParallel now and then whether its condition holds. A kernel whose task may take
// more than a few milliseconds counts its work by Stopped(), and returns when that says so, its
// output unfinished: whoever runs the operator asks too, and drops it.
//
// One for each task or thread.
class StopCheck {
 public:
  // Of `cost`, between two looks: some milliseconds.
  static constexpr int64_t kPeriod = 4'000'000;

  explicit StopCheck(Parallel& parallel) : parallel_(parallel) {}

  // `cost`: about how many nanoseconds the work takes that comes next. Once true, it stays true.
  bool Stopped(int64_t cost) {
    left_ -= cost < kPeriod ? cost : kPeriod;
    if (left_ > 0 || stopped_) return stopped_;
    left_ = kPeriod;
    stopped_ = IsStopped(parallel_);
    return stopped_;
  }

 private:
  Parallel& parallel_;
  int64_t left_ = kPeriod;
  bool stopped_ = false;
};

// Calls body(begin, end) for one short piece of [0, n) after the other, each element of which takes
// about a nanosecond or a few, until `parallel` is stopped.
template <typename Body>
void InSteps(Parallel& parallel, int64_t n, Body&& body) {
  constexpr int64_t kStep = int64_t{1} << 20;
  for (int64_t begin = 0; begin < n; begin += kStep) {
    if (begin > 0 && IsStopped(parallel)) return;
    body(begin, n - begin < kStep ? n : begin + kStep);
  }
}

}  // namespace wnn
