#include "engine/base/stop_check.h"

#include <gtest/gtest.h>

#include <chrono>

#include "engine/base/stoppable_parallel.h"

namespace wnn {
namespace {

TEST(StopCheckTest, NeverStopsWithoutACondition) {
  SerialParallel serial;
  StoppableParallel parallel(serial, {});
  EXPECT_FALSE(IsStopped(parallel));
  StopCheck check(parallel);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(check.Stopped(StopCheck::kPeriod));
}

TEST(StopCheckTest, LooksOncePerPeriodAndStaysStopped) {
  SerialParallel serial;
  CancellationToken token;
  StopCondition stop;
  stop.cancel = &token;
  StoppableParallel parallel(serial, stop);
  StopCheck check(parallel);
  EXPECT_FALSE(check.Stopped(StopCheck::kPeriod));
  token.Cancel();
  EXPECT_TRUE(IsStopped(parallel));
  EXPECT_FALSE(check.Stopped(StopCheck::kPeriod - 1));
  EXPECT_TRUE(check.Stopped(1));
  EXPECT_TRUE(check.Stopped(0));
}

// Costs beyond counting are a period each.
TEST(StopCheckTest, TakesAnyCost) {
  SerialParallel serial;
  StopCheck check(serial);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(check.Stopped(INT64_MAX));
}

TEST(StopCheckTest, InStepsCoversAllAndEndsEarly) {
  SerialParallel serial;
  int64_t next = 0;
  InSteps(serial, 3'000'000, [&](int64_t begin, int64_t end) {
    EXPECT_EQ(begin, next);
    EXPECT_LT(begin, end);
    next = end;
  });
  EXPECT_EQ(next, 3'000'000);
  InSteps(serial, 0, [&](int64_t, int64_t) { ADD_FAILURE(); });

  StopCondition stop;
  stop.deadline = std::chrono::steady_clock::now();
  StoppableParallel parallel(serial, stop);
  int n_steps = 0;
  InSteps(parallel, 3'000'000, [&](int64_t, int64_t) { ++n_steps; });
  EXPECT_EQ(n_steps, 1);
}

}  // namespace
}  // namespace wnn
