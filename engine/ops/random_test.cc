// Operators that draw random numbers: ONNX's suite has no case that can be met.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::Inputs;
using testing::MakeTensor;
using testing::NodeUnderTest;
using Floats = std::vector<float>;

// A model that draws once, without inputs.
std::vector<std::byte> Drawing(std::string_view op,
                               std::vector<testing::BuilderAttribute> attributes) {
  testing::ModelBuilder model(22);
  attributes.push_back(Attr("shape", std::vector<int64_t>{100, 100}));
  model.Node(op, {}, {"y"}, attributes);
  model.Output("y");
  return model.Build();
}

Floats Draw(const std::vector<std::byte>& model) {
  auto outputs = testing::RunModel(model, {});
  if (!outputs) {
    ADD_FAILURE() << outputs.error().message();
    return {};
  }
  return testing::ValuesOf<float>(outputs->at(0));
}

struct Moments {
  double mean = 0, deviation = 0;
};
Moments MomentsOf(const Floats& values) {
  Moments m;
  for (float x : values) m.mean += x / static_cast<double>(values.size());
  for (float x : values) m.deviation += (x - m.mean) * (x - m.mean);
  m.deviation = std::sqrt(m.deviation / static_cast<double>(values.size()));
  return m;
}

TEST(RandomTest, ASeedRepeatsAndItsAbsenceDoesNot) {
  const auto seeded = Drawing("RandomNormal", {Attr("seed", 7.0f)});
  EXPECT_EQ(Draw(seeded), Draw(seeded));
  EXPECT_NE(Draw(seeded), Draw(Drawing("RandomNormal", {Attr("seed", 8.0f)})));
  const auto unseeded = Drawing("RandomNormal", {});
  EXPECT_NE(Draw(unseeded), Draw(unseeded));
}

TEST(RandomTest, DistributionsHaveTheirMoments) {
  // 10,000 numbers: the mean errs by a hundredth of the deviation.
  const Moments normal = MomentsOf(
      Draw(Drawing("RandomNormal", {Attr("mean", 3.0f), Attr("scale", 2.0f), Attr("seed", 1.0f)})));
  EXPECT_NEAR(normal.mean, 3, 0.1);
  EXPECT_NEAR(normal.deviation, 2, 0.1);
  const Floats uniform =
      Draw(Drawing("RandomUniform", {Attr("low", -1.0f), Attr("high", 3.0f), Attr("seed", 1.0f)}));
  EXPECT_NEAR(MomentsOf(uniform).mean, 1, 0.06);
  EXPECT_NEAR(MomentsOf(uniform).deviation, 4 / std::sqrt(12.0), 0.06);
  for (float x : uniform) EXPECT_TRUE(x >= -1 && x < 3);
}

TEST(RandomTest, LikeTakesShapeAndType) {
  NodeUnderTest normal{"RandomNormalLike", 22, {Attr("seed", 1.0f)}};
  EXPECT_EQ(
      normal.Values<double>(Inputs(MakeTensor<double>({2, 3}, {0, 0, 0, 0, 0, 0})), {2, 3}).size(),
      6u);
  NodeUnderTest uniform{"RandomUniformLike", 22, {Attr("seed", 1.0f), Attr("dtype", 11)}};
  for (double x : uniform.Values<double>(Inputs(MakeTensor<int32_t>({4}, {0, 0, 0, 0})), {4})) {
    EXPECT_TRUE(x >= 0 && x < 1);
  }
}

TEST(BernoulliTest, DrawsWithTheGivenProbability) {
  NodeUnderTest node{"Bernoulli", 22, {Attr("seed", 1.0f), Attr("dtype", 7)}};
  Floats probabilities(10'000, 0.25f);
  probabilities[0] = 0;
  probabilities[1] = 1;
  const auto drawn =
      node.Values<int64_t>(Inputs(MakeTensor<float>({10'000}, probabilities)), {10'000});
  ASSERT_EQ(drawn.size(), 10'000u);
  EXPECT_EQ(drawn[0], 0);
  EXPECT_EQ(drawn[1], 1);
  int64_t ones = 0;
  for (int64_t x : drawn) ones += x;
  EXPECT_NEAR(static_cast<double>(ones) / 10'000, 0.25, 0.02);
}

TEST(MultinomialTest, DrawsClassesByTheirLogProbabilities) {
  NodeUnderTest node{"Multinomial", 22, {Attr("seed", 1.0f), Attr("sample_size", 8000)}};
  // 1 : 3 : nothing.
  const auto drawn = node.Values<int32_t>(
      Inputs(MakeTensor<float>({1, 3}, {0, std::log(3.0f), -INFINITY})), {1, 8000});
  int counts[3] = {0, 0, 0};
  for (int32_t c : drawn) ++counts[c];
  EXPECT_NEAR(counts[0], 2000, 200);
  EXPECT_NEAR(counts[1], 6000, 200);
  EXPECT_EQ(counts[2], 0);
}

TEST(DropoutTest, ScalesWhatItKeepsInTraining) {
  NodeUnderTest node{"Dropout", 13, {Attr("seed", 1)}, 2};
  auto outputs = node.Run(Inputs(MakeTensor<float>({1000}, Floats(1000, 3.0f)),
                                 MakeTensor<float>({}, {0.25f}), MakeTensor<bool>({}, {true})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  const Floats y = testing::ValuesOf<float>(outputs->at(0));
  const std::vector<bool> mask = testing::ValuesOf<bool>(outputs->at(1));
  int kept = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_EQ(y[i], mask[i] ? 4.0f : 0.0f);
    kept += mask[i] ? 1 : 0;
  }
  EXPECT_NEAR(kept, 750, 60);
  EXPECT_EQ(node.Error(Inputs(MakeTensor<float>({1}, {1}), MakeTensor<float>({}, {1.0f}),
                              MakeTensor<bool>({}, {true})))
                .code(),
            Code::kRuntimeError);
}

}  // namespace
}  // namespace wnn::ops
