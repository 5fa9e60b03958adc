// What one tenant, or one run, may hold in memory at a time, counted as it comes and goes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/status.h"

namespace wnn {

// Taken from before memory is allocated, given back when it is freed. Thread-safe.
class MemoryBudget {
 public:
  // What is taken is taken from `whole`, too, if there is one: this is a part of that budget.
  explicit MemoryBudget(uint64_t limit_bytes, std::shared_ptr<MemoryBudget> whole = nullptr)
      : limit_bytes_(limit_bytes), whole_(std::move(whole)) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  uint64_t limit_bytes() const { return limit_bytes_; }
  uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  uint64_t left_bytes() const { return limit_bytes_ - std::min(limit_bytes_, used_bytes()); }

  // kTooLarge, naming the limit, and nothing is taken, if the budget has no `bytes` left.
  Status Take(uint64_t bytes) {
    if (TryTake(bytes)) return OkStatus();
    return TooLarge(std::to_string(bytes) + " bytes more, beside the " +
                    std::to_string(used_bytes()) + " that are held, are over the limit of " +
                    std::to_string(limit_bytes_) + " bytes");
  }
  bool TryTake(uint64_t bytes) {
    uint64_t used = used_bytes_.load(std::memory_order_relaxed);
    do {
      if (used > limit_bytes_ || bytes > limit_bytes_ - used) return false;
    } while (!used_bytes_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
    if (whole_ == nullptr || whole_->TryTake(bytes)) return true;
    used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    return false;
  }
  // REQUIRES: that many bytes were taken, and not given back.
  void Give(uint64_t bytes) {
    used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    if (whole_ != nullptr) whole_->Give(bytes);
  }

 private:
  const uint64_t limit_bytes_;
  const std::shared_ptr<MemoryBudget> whole_;
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
    if (!budget->TryTake(bytes)) {
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

// What one owner has taken from a budget, which grows and shrinks; given back with the owner. With
// a null budget nothing is counted and nothing refused. Thread-compatible.
class MemoryShare {
 public:
  explicit MemoryShare(std::shared_ptr<MemoryBudget> budget) : budget_(std::move(budget)) {}
  MemoryShare(const MemoryShare&) = delete;
  MemoryShare& operator=(const MemoryShare&) = delete;
  ~MemoryShare() {
    if (budget_ != nullptr) budget_->Give(bytes_);
  }

  // Takes or gives back what is missing to `bytes`. On failure the share stays what it was.
  Status Resize(uint64_t bytes) {
    if (budget_ == nullptr) return OkStatus();
    if (bytes > bytes_) {
      WNN_RETURN_IF_ERROR(budget_->Take(bytes - bytes_));
    } else {
      budget_->Give(bytes_ - bytes);
    }
    bytes_ = bytes;
    return OkStatus();
  }

 private:
  std::shared_ptr<MemoryBudget> budget_;
  uint64_t bytes_ = 0;
};

}  // namespace wnn
