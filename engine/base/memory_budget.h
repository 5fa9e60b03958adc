// What one tenant, or one run, may hold in memory at a time, counted as it comes and goes.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/base/discarder.h"
#include "engine/base/status.h"
#include "engine/base/stop.h"

namespace wnn {

// Taken from before memory is allocated, given back when it is freed. Thread-safe.
class MemoryBudget {
 public:
  // `discarder`: where what is charged to it may end; null: where it is let go.
  explicit MemoryBudget(uint64_t limit_bytes, std::shared_ptr<Discarder> discarder = nullptr)
      : limit_bytes_(limit_bytes), discarder_(std::move(discarder)) {}
  // A part of `whole`, which may be null: what is taken is taken from that, too. `stop` ends a wait
  // for memory.
  MemoryBudget(uint64_t limit_bytes, std::shared_ptr<MemoryBudget> whole, StopCondition stop = {})
      : limit_bytes_(limit_bytes),
        whole_(std::move(whole)),
        discarder_(whole_ != nullptr ? whole_->discarder_ : nullptr),
        stop_(stop) {}
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  uint64_t limit_bytes() const { return limit_bytes_; }
  uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  uint64_t left_bytes() const { return limit_bytes_ - std::min(limit_bytes_, used_bytes()); }

  // kTooLarge, naming the limit, and nothing is taken, if the budget has no `bytes` left. What was
  // discarded may have them still, and is waited for first: kTimeout when the stop condition of a
  // part says so.
  Status Take(uint64_t bytes) {
    for (;;) {
      const bool may_come_back = whole_ != nullptr ? whole_->has_discarded() : has_discarded();
      if (TryTake(bytes)) return OkStatus();
      if (!may_come_back) break;
      WNN_RETURN_IF_ERROR(stop_.Check());
      discarder_->Wait();
    }
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

  // Leaves the end of `thing`, which is charged to `budget`, to the budget's discarder: what it
  // took comes back once it has ended. Without a budget, or a discarder, it ends here.
  template <typename T>
  static void Discard(std::shared_ptr<MemoryBudget> budget, T thing) {
    if (budget == nullptr || budget->discarder_ == nullptr) return;
    Discarder* discarder = budget->discarder_.get();
    discarder->Discard(std::make_unique<Discarded<T>>(std::move(budget), std::move(thing)));
  }
  // Whether something that was discarded, of this budget or its parts, has not ended.
  bool has_discarded() const { return n_discarded_.load(std::memory_order_acquire) > 0; }
  // Waits until there is no such thing. kTimeout when `stop` says so.
  Status AwaitDiscarded(const StopCondition& stop) const {
    while (has_discarded()) {
      WNN_RETURN_IF_ERROR(stop.Check());
      discarder_->Wait();
    }
    return OkStatus();
  }

 private:
  template <typename T>
  struct Discarded final : Garbage {
    Discarded(std::shared_ptr<MemoryBudget> b, T t) : budget(std::move(b)), thing(std::move(t)) {
      budget->CountDiscarded(1);
    }
    ~Discarded() override {
      thing.reset();
      budget->CountDiscarded(-1);
    }
    std::shared_ptr<MemoryBudget> budget;
    std::optional<T> thing;  // ends before it is counted as ended
  };

  void CountDiscarded(int64_t n) {
    n_discarded_.fetch_add(n, std::memory_order_release);
    if (whole_ != nullptr) whole_->CountDiscarded(n);
  }

  const uint64_t limit_bytes_;
  const std::shared_ptr<MemoryBudget> whole_;
  const std::shared_ptr<Discarder> discarder_;
  const StopCondition stop_;
  std::atomic<uint64_t> used_bytes_{0};
  std::atomic<int64_t> n_discarded_{0};  // and not ended
};

// What one owner has taken from a budget, which grows and shrinks; given back when this dies. With
// a null budget nothing is counted and nothing refused. Move-only; may outlive everything but
// itself. Thread-compatible.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  // Of nothing so far.
  explicit MemoryCharge(std::shared_ptr<MemoryBudget> budget) : budget_(std::move(budget)) {}
  // kTooLarge, naming the limit, if the budget has no `bytes` left.
  static Result<MemoryCharge> Take(std::shared_ptr<MemoryBudget> budget, uint64_t bytes) {
    MemoryCharge charge(std::move(budget));
    WNN_RETURN_IF_ERROR(charge.Resize(bytes));
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

  uint64_t bytes() const { return bytes_; }
  // Takes or gives back what is missing to `bytes`. On failure, kTooLarge, naming the limit, it
  // stays what it was.
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
  // Leaves the end of `thing`, and of the charge for it, to the budget: MemoryBudget::Discard().
  template <typename T>
  void DiscardWith(T thing) {
    std::shared_ptr<MemoryBudget> budget = budget_;
    MemoryBudget::Discard(std::move(budget), std::pair(std::move(*this), std::move(thing)));
  }

 private:
  std::shared_ptr<MemoryBudget> budget_;
  uint64_t bytes_ = 0;
};

}  // namespace wnn
