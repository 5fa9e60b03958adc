#include "host/nn/background_discarder.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "engine/base/memory_budget.h"

namespace wnn::nn {
namespace {

// Says on which thread it ended, once it may.
class Ends final : public Garbage {
 public:
  struct Seen {
    std::atomic<bool> may_end{false};
    std::atomic<int> n_here{0}, n_elsewhere{0};
    const std::thread::id here = std::this_thread::get_id();
  };
  explicit Ends(Seen& seen) : seen_(&seen) {}
  ~Ends() override {
    if (std::this_thread::get_id() == seen_->here) {
      ++seen_->n_here;
      return;
    }
    seen_->may_end.wait(false);
    ++seen_->n_elsewhere;
  }

 private:
  Seen* seen_;
};

void Let(Ends::Seen& seen) {
  seen.may_end = true;
  seen.may_end.notify_all();
}

TEST(BackgroundDiscarderTest, GarbageEndsOnAnotherThread) {
  Ends::Seen seen;
  BackgroundDiscarder discarder;
  discarder.Discard(std::make_unique<Ends>(seen));
  EXPECT_EQ(seen.n_here, 0);
  Let(seen);
  while (seen.n_elsewhere == 0) discarder.Wait();
}

TEST(BackgroundDiscarderTest, WhenThreadsAreUsedUpItEndsHere) {
  Ends::Seen seen;
  BackgroundDiscarder discarder, another;
  for (int i = 0; i < BackgroundDiscarder::kMaxThreads; ++i) {
    (i % 2 == 0 ? discarder : another).Discard(std::make_unique<Ends>(seen));
  }
  EXPECT_EQ(seen.n_here, 0);
  discarder.Discard(std::make_unique<Ends>(seen));
  EXPECT_EQ(seen.n_here, 1);
  Let(seen);
  while (seen.n_elsewhere < BackgroundDiscarder::kMaxThreads) discarder.Wait();
  EXPECT_EQ(seen.n_here, 1);
}

TEST(BackgroundDiscarderTest, ABudgetHasBackWhatEnded) {
  Ends::Seen seen;
  const auto whole = std::make_shared<MemoryBudget>(100, std::make_shared<BackgroundDiscarder>());
  auto part = std::make_shared<MemoryBudget>(60, whole);
  auto charge = MemoryCharge::Take(part, 50);
  ASSERT_TRUE(charge);
  charge->DiscardWith(std::make_unique<Ends>(seen));
  part = nullptr;
  EXPECT_TRUE(whole->has_discarded());
  EXPECT_EQ(whole->used_bytes(), 50u);
  StopCondition stop;
  stop.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(whole->AwaitDiscarded(stop).code(), Code::kTimeout);
  Let(seen);
  EXPECT_TRUE(whole->AwaitDiscarded({}).ok());
  EXPECT_EQ(whole->used_bytes(), 0u);
  EXPECT_EQ(seen.n_elsewhere, 1);
}

}  // namespace
}  // namespace wnn::nn
