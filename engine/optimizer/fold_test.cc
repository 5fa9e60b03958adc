// The passes that fold nodes into a convolution's weights or padding.
#include <gtest/gtest.h>

#include <limits>

#include "engine/testing/pass_test.h"

namespace wnn::optimizer {
namespace {

using testing::AddNoise;
using testing::AfterPasses;
using testing::Attr;
using testing::ExpectSameResults;
using testing::Inputs;
using testing::ModelBuilder;
using testing::NoiseTensor;
using testing::OpNames;

using Names = std::vector<std::string>;

constexpr float kTolerance = 2e-5f;

// x (N x 4 x 6 x 5) -> Conv 3x3 in `groups` -> c (8 channels).
ModelBuilder WithConv(int64_t groups = 1, std::string_view input = "x") {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 4, 6, 5});
  AddNoise(model, "w", {8, 4 / groups, 3, 3});
  AddNoise(model, "b", {8}, 5);
  model.Node("Conv", {std::string(input), "w", "b"}, {"c"},
             {Attr("group", groups), Attr("pads", std::vector<int64_t>{1, 1, 0, 2})}, "conv");
  return model;
}

void AddBatchNorm(ModelBuilder& model, const std::string& x, const std::string& y) {
  AddNoise(model, "scale", {8}, 11);
  AddNoise(model, "shift", {8}, 12);
  AddNoise(model, "mean", {8}, 13);
  model.Initializer<float>("variance", {8}, {0.5f, 1, 2, 3, 0.1f, 4, 5, 6});
  model.Node("BatchNormalization", {x, "scale", "shift", "mean", "variance"}, {y}, {}, "norm");
  model.Output(y);
}

TEST(FoldBatchNormTest, GoesIntoTheWeights) {
  for (int64_t groups : {1, 2, 4}) {
    ModelBuilder model = WithConv(groups);
    AddBatchNorm(model, "c", "y");
    EXPECT_EQ(OpNames(AfterPasses(model, {"fold-batch-norm"})), Names{"Conv"});
    ExpectSameResults(model, Inputs(NoiseTensor({2, 4, 6, 5})), {"fold-batch-norm"}, kTolerance);
  }
}

TEST(FoldBatchNormTest, StaysWhereOthersReadTheConvolution) {
  ModelBuilder model = WithConv();
  AddBatchNorm(model, "c", "y");
  model.Output("c");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-batch-norm"})),
            (Names{"Conv", "BatchNormalization"}));
}

TEST(FoldBatchNormTest, StaysWhereItWouldNotBeFinite) {
  ModelBuilder model = WithConv();
  model.Initializer<float>("one", {8}, std::vector<float>(8, 1));
  model.Initializer<float>("negative", {8}, std::vector<float>(8, -1));
  model.Node("BatchNormalization", {"c", "one", "one", "one", "negative"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-batch-norm"})),
            (Names{"Conv", "BatchNormalization"}));
}

TEST(FoldAffineTest, ArithmeticBehindAConvolution) {
  ModelBuilder model = WithConv(2);
  AddNoise(model, "m", {8, 1, 1}, 21);
  AddNoise(model, "a", {1, 8, 1, 1}, 22);
  model.Initializer<float>("two", {}, {2});
  model.Node("Mul", {"m", "c"}, {"d"});
  model.Node("Add", {"d", "a"}, {"e"});
  model.Node("Sub", {"two", "e"}, {"f"});
  model.Node("Div", {"f", "two"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-affine"})), Names{"Conv"});
  ExpectSameResults(model, Inputs(NoiseTensor({2, 4, 6, 5})), {"fold-affine"}, kTolerance);
}

TEST(FoldAffineTest, ArithmeticBehindANormalisation) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 8, 3, 3});
  AddNoise(model, "m", {8, 1, 1}, 21);
  AddNoise(model, "a", {8, 1, 1}, 22);
  for (const char* name : {"scale", "shift", "mean"}) AddNoise(model, name, {8}, 23);
  model.Initializer<float>("variance", {8}, std::vector<float>(8, 0.3f));
  model.Node("BatchNormalization", {"x", "scale", "shift", "mean", "variance"}, {"c"});
  model.Node("Mul", {"c", "m"}, {"d"});
  model.Node("Add", {"d", "a"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-affine"})), Names{"BatchNormalization"});
  ExpectSameResults(model, Inputs(NoiseTensor({2, 8, 3, 3})), {"fold-affine"}, kTolerance);
}

TEST(FoldAffineTest, LeavesWhatIsNotOneNumberAChannel) {
  ModelBuilder model = WithConv();
  AddNoise(model, "map", {8, 5, 6}, 22);
  model.Initializer<float>("two", {}, {2});
  model.Node("Div", {"two", "c"}, {"d"});
  model.Node("Add", {"d", "map"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-affine"})).size(), 3u);
}

// A net's first layer behind x * 2 / [..] - [..] + 0.5.
ModelBuilder WithPreprocessing() {
  ModelBuilder model = WithConv(1, "p");
  model.Initializer<float>("two", {1}, {2});
  model.Initializer<float>("half", {}, {0.5f});
  model.Initializer<float>("deviation", {1, 4, 1, 1}, {0.2f, 0.3f, 4, 5});
  model.Initializer<float>("mean", {4, 1, 1}, {1, -2, 3, -4});
  model.Node("Mul", {"two", "x"}, {"p0"});
  model.Node("Div", {"p0", "deviation"}, {"p1"});
  model.Node("Sub", {"p1", "mean"}, {"p2"});
  model.Node("Add", {"p2", "half"}, {"p"});
  model.Output("c");
  return model;
}

TEST(FoldPreprocessingTest, PaddingStaysZero) {
  const Names passes = {"blocked-layout", "fold-preprocessing"};
  ModelBuilder model = WithPreprocessing();
  EXPECT_EQ(OpNames(AfterPasses(model, passes)), (Names{"wnn.Conv", "wnn.FromBlocked"}));
  ExpectSameResults(model, Inputs(NoiseTensor({2, 4, 6, 5})), passes, 2e-4f);
}

TEST(FoldPreprocessingTest, AScaleOfZeroStays) {
  ModelBuilder model = WithConv(1, "p");
  model.Initializer<float>("scale", {4, 1, 1}, {1, 0, 2, 3});
  model.Node("Mul", {"x", "scale"}, {"p"});
  model.Output("c");
  const Names passes = {"blocked-layout", "fold-preprocessing"};
  EXPECT_EQ(OpNames(AfterPasses(model, passes)), (Names{"Mul", "wnn.Conv", "wnn.FromBlocked"}));
}

TEST(FoldPreprocessingTest, WhatOthersReadStays) {
  ModelBuilder model = WithPreprocessing();
  model.Output("p");
  const Names passes = {"blocked-layout", "fold-preprocessing"};
  EXPECT_EQ(OpNames(AfterPasses(model, passes)).size(), 6u);
}

ModelBuilder WithPad(const std::vector<int64_t>& pads, float value) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 4, 6, 5});
  model.Initializer<int64_t>("pads", {8}, pads);
  model.Initializer<float>("value", {}, {value});
  model.Node("Pad", {"x", "pads", "value"}, {"p"});
  return model;
}

TEST(FoldPadTest, ZerosBeforeAConvolution) {
  ModelBuilder model = WithPad({0, 0, 0, 1, 0, 0, 2, 0}, 0);
  AddNoise(model, "w", {2, 4, 3, 2});
  model.Node("Conv", {"p", "w"}, {"y"}, {Attr("pads", std::vector<int64_t>{1, 0, 0, 0})});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-pad"})), Names{"Conv"});
  ExpectSameResults(model, Inputs(NoiseTensor({2, 4, 6, 5})), {"fold-pad"}, 1e-6f);
}

TEST(FoldPadTest, ZerosThatAnAverageCounts) {
  ModelBuilder model = WithPad({0, 0, 1, 1, 0, 0, 1, 0}, 0);
  model.Node("AveragePool", {"p"}, {"y"}, {Attr("kernel_shape", std::vector<int64_t>{3, 2})});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-pad"})), Names{"AveragePool"});
  ExpectSameResults(model, Inputs(NoiseTensor({2, 4, 6, 5})), {"fold-pad"}, 1e-6f);
}

TEST(FoldPadTest, TheLowestNumberBeforeAMaximum) {
  ModelBuilder model = WithPad({0, 0, 1, 1, 0, 0, 1, 0}, -std::numeric_limits<float>::infinity());
  model.Node("MaxPool", {"p"}, {"y"}, {Attr("kernel_shape", std::vector<int64_t>{3, 2})});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-pad"})), Names{"MaxPool"});
  ExpectSameResults(model, Inputs(NoiseTensor({2, 4, 6, 5})), {"fold-pad"}, 0);
}

TEST(FoldPadTest, OtherPaddingStays) {
  const auto stays = [](const std::vector<int64_t>& pads, float value, std::string_view op,
                        bool ceil_mode) {
    ModelBuilder model = WithPad(pads, value);
    model.Node(
        op, {"p"}, {"y"},
        {Attr("kernel_shape", std::vector<int64_t>{2, 2}), Attr("ceil_mode", ceil_mode ? 1 : 0)});
    model.Output("y");
    return OpNames(AfterPasses(model, {"fold-pad"})).size() == 2;
  };
  EXPECT_TRUE(stays({0, 0, 1, 1, 0, 0, 1, 0}, 0, "MaxPool", false));
  EXPECT_TRUE(stays({0, 0, 1, 1, 0, 0, 1, 0}, 1, "AveragePool", false));
  EXPECT_TRUE(stays({0, 0, 1, 1, 0, 0, 1, 0}, 0, "AveragePool", true));
  EXPECT_TRUE(stays({0, 1, 1, 1, 0, 0, 1, 0}, 0, "AveragePool", false));
  EXPECT_TRUE(stays({0, 0, -1, 1, 0, 0, 1, 0}, 0, "AveragePool", false));
}

}  // namespace
}  // namespace wnn::optimizer
