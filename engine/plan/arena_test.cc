#include "engine/plan/arena.h"

#include <gtest/gtest.h>

namespace wnn::plan {
namespace {

ArenaLayout LayOut(const std::vector<BufferUse>& uses) {
  auto layout = LayOutArena(uses);
  EXPECT_TRUE(layout.has_value());
  return layout ? *layout : ArenaLayout();
}

TEST(ArenaTest, ReusesWhatHasDied) {
  ArenaLayout layout = LayOut({{100, 0, 1}, {100, 1, 2}, {100, 2, 3}, {100, 3, 4}});
  EXPECT_EQ(layout.offsets, (std::vector<uint64_t>{0, 128, 0, 128}));
  EXPECT_EQ(layout.size_bytes, 256u);
}

TEST(ArenaTest, GrowsTheLastGap) {
  ArenaLayout layout = LayOut({{64, 0, 0}, {640, 1, 1}});
  EXPECT_EQ(layout.offsets, (std::vector<uint64_t>{0, 0}));
  EXPECT_EQ(layout.size_bytes, 640u);
}

TEST(ArenaTest, JoinsNeighbouringGaps) {
  ArenaLayout layout = LayOut({{64, 0, 1}, {64, 0, 1}, {64, 0, 9}, {128, 2, 3}});
  EXPECT_EQ(layout.offsets[3], 0u);
  EXPECT_EQ(layout.size_bytes, 192u);
}

TEST(ArenaTest, EmptyBuffersTakeNothing) {
  EXPECT_EQ(LayOut({{0, 0, 5}, {0, 1, 5}}).size_bytes, 0u);
}

TEST(ArenaTest, RefusesSizesThatOverflow) {
  auto layout = LayOutArena(std::vector<BufferUse>{
      {UINT64_MAX / 2, 0, 9}, {UINT64_MAX / 2, 1, 9}, {UINT64_MAX / 2, 2, 9}});
  ASSERT_FALSE(layout.has_value());
  EXPECT_EQ(layout.error().code(), Code::kTooLarge);
  EXPECT_FALSE(LayOutArena(std::vector<BufferUse>{{UINT64_MAX, 0, 0}}).has_value());
}

TEST(ArenaTest, LivingBuffersNeverOverlap) {
  // A reproducible jumble of sizes and lives.
  std::vector<BufferUse> uses;
  uint32_t seed = 7;
  auto next = [&](uint32_t n) { return (seed = seed * 1664525u + 1013904223u) >> 8 & (n - 1); };
  for (int64_t step = 0; step < 300; ++step) {
    uses.push_back({next(4096), step, step + static_cast<int64_t>(next(32))});
  }
  ArenaLayout layout = LayOut(uses);
  for (size_t i = 0; i < uses.size(); ++i) {
    EXPECT_EQ(layout.offsets[i] % 64, 0u);
    EXPECT_LE(layout.offsets[i] + uses[i].size_bytes, layout.size_bytes);
    for (size_t j = 0; j < i; ++j) {
      const bool both_live = uses[j].last_step >= uses[i].first_step;
      const bool apart = layout.offsets[i] + uses[i].size_bytes <= layout.offsets[j] ||
                         layout.offsets[j] + uses[j].size_bytes <= layout.offsets[i];
      EXPECT_TRUE(!both_live || apart) << i << " and " << j;
    }
  }
}

}  // namespace
}  // namespace wnn::plan
