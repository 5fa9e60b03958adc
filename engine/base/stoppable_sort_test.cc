#include "engine/base/stoppable_sort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <vector>

#include "engine/base/stoppable_parallel.h"

namespace wnn {
namespace {

std::vector<int64_t> Shuffled(int64_t n) {
  std::vector<int64_t> items;
  for (int64_t i = 0; i < n; ++i) items.push_back(i % 1000 * 7);
  std::shuffle(items.begin(), items.end(), std::mt19937(1));
  return items;
}

TEST(StoppableSortTest, SortsShortAndLong) {
  SerialParallel serial;
  for (int64_t n : {0, 1, 2, 3, 100, 70'000, 100'001}) {
    for (int64_t cost : {1, 1000}) {
      std::vector<int64_t> items = Shuffled(n), expected = items;
      std::sort(expected.begin(), expected.end(), std::greater());
      StoppableSort(items.data(), n, cost, serial, std::greater<int64_t>());
      EXPECT_EQ(items, expected) << n << ", " << cost;
    }
  }
}

TEST(StoppableSortTest, StopsAndKeepsTheItems) {
  SerialParallel serial;
  StopCondition stop;
  stop.deadline = std::chrono::steady_clock::now();
  StoppableParallel parallel(serial, stop);
  std::vector<int64_t> items = Shuffled(1'000'000), sorted = items;
  int64_t n_comparisons = 0;
  StoppableSort(items.data(), 1'000'000, 100, parallel, [&](int64_t a, int64_t b) {
    ++n_comparisons;
    return a < b;
  });
  EXPECT_LT(n_comparisons, 1'000'000);
  std::sort(items.begin(), items.end());
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(items, sorted);
}

// Whatever a comparison says, nothing is read that is not there.
TEST(StoppableSortTest, TakesComparisonsThatAreNoOrder) {
  SerialParallel serial;
  std::vector<int64_t> items = Shuffled(10'000);
  std::mt19937 random(1);
  StoppableSort(items.data(), 10'000, 1000, serial,
                [&](int64_t, int64_t) { return random() % 2 == 0; });
  std::vector<int64_t> sorted = Shuffled(10'000);
  std::sort(items.begin(), items.end());
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(items, sorted);
}

}  // namespace
}  // namespace wnn
