// When a computation must end early: a token that another thread cancels, and a deadline.
#pragma once

#include <atomic>
#include <chrono>
#include <optional>

#include "engine/base/status.h"

namespace wnn {

// Set once by any thread, polled by the computing one. Thread-safe.
class CancellationToken {
 public:
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> cancelled_{false};
};

// Lifetime: `cancel`, if any, outlives the computation that it is passed to.
struct StopCondition {
  const CancellationToken* cancel = nullptr;
  std::optional<std::chrono::steady_clock::time_point> deadline;

  // Whether the computation must end. Costs a clock read when there is a deadline. Once true, it
  // stays true.
  bool Holds() const {
    return (cancel != nullptr && cancel->cancelled()) ||
           (deadline && std::chrono::steady_clock::now() >= *deadline);
  }
  // kTimeout once the computation must end.
  Status Check() const {
    if (cancel != nullptr && cancel->cancelled()) return Timeout("the computation was cancelled");
    if (deadline && std::chrono::steady_clock::now() >= *deadline) {
      return Timeout("the computation's deadline passed");
    }
    return OkStatus();
  }
};

}  // namespace wnn
