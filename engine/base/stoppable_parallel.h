// A Parallel whose work ends early: what makes long kernels obey a deadline.
#pragma once

#include <atomic>
#include <cstddef>

#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/base/stop.h"

namespace wnn {

// Looks at the stop condition before each task, and skips the tasks that are left once it holds:
// the operator then returns soon, with an output that nobody may use. Whoever runs it asks Check()
// next. Without a condition, work goes to `inner` as it is.
//
// Thread-safe. Lifetime: borrows `inner` and what `stop` borrows.
class StoppableParallel final : public Parallel {
 public:
  StoppableParallel(Parallel& inner, const StopCondition& stop)
      : inner_(inner), stop_(stop), can_stop_(stop.cancel != nullptr || stop.deadline) {}

  int n_threads() const override { return inner_.n_threads(); }
  void ForEach(size_t n_tasks, FunctionRef<void(size_t task, int thread)> task) override {
    if (!can_stop_) return inner_.ForEach(n_tasks, task);
    inner_.ForEach(n_tasks, [&](size_t i, int thread) {
      if (!Stopped()) task(i, thread);
    });
  }

  // kTimeout once tasks may have been skipped.
  Status Check() { return can_stop_ && Stopped() ? stop_.Check() : OkStatus(); }

 private:
  bool Stopped() {
    if (stopped_.load(std::memory_order_relaxed)) return true;
    if (!stop_.Holds()) return false;
    stopped_.store(true, std::memory_order_relaxed);
    return true;
  }

  Parallel& inner_;
  const StopCondition stop_;
  const bool can_stop_;
  std::atomic<bool> stopped_{false};
};

}  // namespace wnn
