#include "bench/stats.h"

#include <gtest/gtest.h>

namespace wnn::bench {
namespace {

std::vector<nanoseconds> Samples(std::initializer_list<int64_t> values) {
  std::vector<nanoseconds> samples;
  for (int64_t value : values) samples.push_back(nanoseconds(value));
  return samples;
}

TEST(Summarize, OddNumberOfSamples) {
  const Summary summary = Summarize(Samples({30, 10, 20}));
  EXPECT_EQ(summary.min.count(), 10);
  EXPECT_EQ(summary.median.count(), 20);
  EXPECT_EQ(summary.runs, 3u);
}

TEST(Summarize, EvenNumberOfSamples) {
  const Summary summary = Summarize(Samples({40, 10, 30, 20}));
  EXPECT_EQ(summary.min.count(), 10);
  EXPECT_EQ(summary.median.count(), 25);
  EXPECT_EQ(summary.runs, 4u);
}

TEST(Summarize, OneSampleAndNone) {
  EXPECT_EQ(Summarize(Samples({7})).median.count(), 7);
  EXPECT_EQ(Summarize(Samples({7})).min.count(), 7);
  const Summary none = Summarize(Samples({}));
  EXPECT_EQ(none.runs, 0u);
  EXPECT_EQ(none.min.count(), 0);
}

TEST(Summarize, OnePhaseOfManyRuns) {
  std::vector<PhaseTimes> runs(3);
  for (int i = 0; i < 3; ++i) {
    runs[static_cast<size_t>(i)][Phase::kCopies] = nanoseconds(i + 1);
    runs[static_cast<size_t>(i)][Phase::kTotal] = nanoseconds(100 * (3 - i));
  }
  EXPECT_EQ(Summarize(runs, Phase::kCopies).median.count(), 2);
  EXPECT_EQ(Summarize(runs, Phase::kTotal).min.count(), 100);
  EXPECT_EQ(Summarize(runs, Phase::kCompute).median.count(), 0);
}

TEST(Units, OfNanoseconds) {
  EXPECT_DOUBLE_EQ(Milliseconds(nanoseconds(1'500'000)), 1.5);
  EXPECT_DOUBLE_EQ(Microseconds(nanoseconds(1'500)), 1.5);
}

}  // namespace
}  // namespace wnn::bench
