#include "guest/image/ranking.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace wnn::image {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<std::size_t> Indices(std::span<const float> scores, std::size_t k) {
  std::vector<std::size_t> indices;
  for (const Ranked& ranked : TopK(scores, k)) indices.push_back(ranked.index);
  return indices;
}

using Index = std::vector<std::size_t>;

TEST(Softmax, GivesProbabilitiesInProportion) {
  std::vector<float> scores = {0, std::log(3.0F)};
  Softmax(scores);
  EXPECT_NEAR(scores[0], 0.25, 1e-6);
  EXPECT_NEAR(scores[1], 0.75, 1e-6);
}

TEST(Softmax, SurvivesScoresOfAnySize) {
  std::vector<float> scores = {10000, 10000, -10000};
  Softmax(scores);
  EXPECT_EQ(scores, (std::vector<float>{0.5, 0.5, 0}));
}

TEST(Softmax, TakesNothing) { Softmax({}); }

TEST(Softmax, DoesNotHideNaN) {
  std::vector<float> scores = {1, kNaN};
  Softmax(scores);
  EXPECT_TRUE(std::isnan(scores[0]));
}

TEST(TopK, IsBestFirst) {
  const std::vector<float> scores = {0.1F, 0.7F, -3, 0.2F};
  EXPECT_EQ(Indices(scores, 2), (Index{1, 3}));
  EXPECT_EQ(TopK(scores, 1).front().score, 0.7F);
}

TEST(TopK, GivesAllWhenThereAreFewer) {
  EXPECT_EQ(Indices(std::vector<float>{1, 2}, 5), (Index{1, 0}));
  EXPECT_TRUE(TopK({}, 5).empty());
}

TEST(TopK, OrdersEqualScoresByIndex) {
  EXPECT_EQ(Indices(std::vector<float>{1, 2, 2, 1}, 4), (Index{1, 2, 0, 3}));
}

TEST(TopK, PutsNaNLast) {
  EXPECT_EQ(Indices(std::vector<float>{kNaN, -1, kNaN, 5}, 4), (Index{3, 1, 0, 2}));
}

TEST(ParseLabels, TakesOneALine) {
  EXPECT_EQ(ParseLabels("cat\ndog\n"), (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(ParseLabels("cat\r\n dog"), (std::vector<std::string>{"cat", "dog"}));
}

TEST(ParseLabels, LeavesOutIdsAndFurtherNames) {
  EXPECT_EQ(ParseLabels("n04350905 suit, suit of clothes\nn0435090 no id\nnine tailed fox\n"),
            (std::vector<std::string>{"suit", "n0435090 no id", "nine tailed fox"}));
}

TEST(ParseLabels, KeepsTheNumberingAcrossBlankLines) {
  EXPECT_EQ(ParseLabels("cat\n\ndog\n\n\n"), (std::vector<std::string>{"cat", "", "dog"}));
  EXPECT_TRUE(ParseLabels("").empty());
}

}  // namespace
}  // namespace wnn::image
