#include "bench/measure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "bench/fake_subject.h"

namespace wnn::bench {
namespace {

using Turns = std::vector<std::string>;

class MeasureTest : public testing::Test {
 protected:
  FakeSubject& Add(const std::string& name) {
    auto subject = std::make_unique<FakeSubject>(name, 1.0f, &turns_);
    FakeSubject& added = *subject;
    subjects_.push_back(std::move(subject));
    return added;
  }

  Turns turns_;
  std::vector<std::unique_ptr<Subject>> subjects_;
};

TEST_F(MeasureTest, TakesTurnsInBlocksThatBeginWithAnUntimedRun) {
  Add("a");
  Add("b");
  const auto measured = Measure(
      subjects_,
      {.budget = nanoseconds(0), .min_runs = 4, .min_block_runs = 2, .min_block = nanoseconds(0)});
  ASSERT_TRUE(measured) << measured.error().message();
  EXPECT_EQ(turns_, Turns({"a", "a", "a", "b", "b", "b", "a", "a", "a", "b", "b", "b"}));
  ASSERT_EQ(measured->runs.size(), 2u);
  for (const auto& runs : measured->runs) {
    ASSERT_EQ(runs.size(), 4u);
    // The fake's times are 1, 2, 3, ... microseconds; the first of each block is left out.
    EXPECT_EQ(runs[0][Phase::kTotal], std::chrono::microseconds(2));
    EXPECT_EQ(runs[2][Phase::kTotal], std::chrono::microseconds(5));
  }
}

TEST_F(MeasureTest, GoesOnUntilTheBudgetIsUsed) {
  Add("a");
  constexpr std::chrono::milliseconds kBudget(30);
  const auto start = std::chrono::steady_clock::now();
  const auto measured =
      Measure(subjects_,
              {.budget = kBudget, .min_runs = 1, .min_block_runs = 1, .min_block = nanoseconds(0)});
  ASSERT_TRUE(measured) << measured.error().message();
  EXPECT_GE(std::chrono::steady_clock::now() - start, kBudget);
}

TEST_F(MeasureTest, BlocksLastAtLeastAsLongAsAskedFor) {
  Add("a");
  Add("b");
  constexpr std::chrono::milliseconds kBlock(10);
  const auto start = std::chrono::steady_clock::now();
  const auto measured =
      Measure(subjects_,
              {.budget = nanoseconds(0), .min_runs = 1, .min_block_runs = 1, .min_block = kBlock});
  ASSERT_TRUE(measured) << measured.error().message();
  EXPECT_GE(std::chrono::steady_clock::now() - start, 2 * kBlock);
  EXPECT_EQ(std::count(turns_.begin(), turns_.end(), "a"), measured->runs[0].size() + 1);
  EXPECT_EQ(turns_.back(), "b");
}

TEST_F(MeasureTest, SaysWhichSubjectFailed) {
  Add("good");
  Add("bad").set_fails_after(2);
  const auto measured = Measure(
      subjects_,
      {.budget = nanoseconds(0), .min_runs = 20, .min_block_runs = 5, .min_block = nanoseconds(0)});
  ASSERT_FALSE(measured);
  EXPECT_EQ(measured.error().message(), "fake on bad, native, 1 thread: out of order");
}

TEST_F(MeasureTest, NoSubjectIsNoWork) {
  const auto measured = Measure(subjects_, {});
  ASSERT_TRUE(measured);
  EXPECT_TRUE(measured->runs.empty());
}

TEST(WaitUntilIdle, WaitsForThreadsThatSpin) {
  std::atomic<bool> started{false};
  std::atomic<bool> ended{false};
  std::thread spinner([&] {
    started = true;
    const Clock::time_point end = Clock::now() + std::chrono::milliseconds(50);
    while (Clock::now() < end) {
    }
    ended = true;
  });
  while (!started) std::this_thread::yield();
  const nanoseconds waited = WaitUntilIdle();
  EXPECT_TRUE(ended || waited >= std::chrono::milliseconds(500));
  spinner.join();
}

TEST(WaitUntilIdle, DoesNotWaitForever) {
  std::atomic<bool> stop{false};
  std::thread spinner([&] {
    while (!stop) {
    }
  });
  WaitUntilIdle();
  stop = true;
  spinner.join();
}

}  // namespace
}  // namespace wnn::bench
