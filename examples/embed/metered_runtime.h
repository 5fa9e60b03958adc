// A runtime of one's own: it lets another one compute, counts the inferences, and refuses them once
// a guest has used up what was paid for. A runtime that computes by itself, on an accelerator say,
// implements the same three classes of host/runtimes/runtime.h.
#pragma once

#include <atomic>
#include <memory>

#include "host/runtimes/runtime.h"

namespace embed {

class Meter {
 public:
  explicit Meter(int quota) : left_(quota) {}

  // False when the quota is used up.
  bool Take() { return left_.fetch_sub(1) > 0; }

 private:
  std::atomic<int> left_;
};

// REQUIRES: neither is null.
std::shared_ptr<const wnn::runtimes::Runtime> MakeMeteredRuntime(
    std::shared_ptr<const wnn::runtimes::Runtime> runtime, std::shared_ptr<Meter> meter);

}  // namespace embed
