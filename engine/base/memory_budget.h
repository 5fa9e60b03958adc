// What one run may hold in memory at a time, counted as its values come and go.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/status.h"

namespace wnn {

// Thread-safe.
class MemoryBudget {
 public:
  explicit MemoryBudget(uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  uint64_t limit_bytes() const { return limit_bytes_; }
  uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }

 private:
  friend class MemoryCharge;
  bool Take(uint64_t bytes) {
    uint64_t used = used_bytes_.load(std::memory_order_relaxed);
    do {
      if (used > limit_bytes_ || bytes > limit_bytes_ - used) return false;
    } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    return true;
  }
  void Give(uint64_t bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  const uint64_t limit_bytes_;
  std::atomic<uint64_t> used_bytes_{0};
};

// A part of a budget, given back when this dies. Move-only; may outlive everything but itself.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  // kTooLarge, naming the limit, if the budget has no `bytes` left. A null budget has no limit.
  static Result<MemoryCharge> Take(std::shared_ptr<MemoryBudget> budget, uint64_t bytes) {
    MemoryCharge charge;
    if (budget == nullptr) return charge;
    if (!budget->Take(bytes)) {
      return TooLarge("the tensors of one run take more than the limit of " +
                      std::to_string(budget->limit_bytes()) + " bytes");
    }
    charge.budget_ = std::move(budget);
    charge.bytes_ = bytes;
    return charge;
  }
  MemoryCharge(MemoryCharge&& other) noexcept
      : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryCharge& operator=(MemoryCharge&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryCharge() {
    if (budget_ != nullptr) budget_->Give(bytes_);
  }

 private:
  std::shared_ptr<MemoryBudget> budget_;
  uint64_t bytes_ = 0;
};

}  // namespace wnn
