// The passes that make one node of several on the blocked layout, and those on matrix products.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/testing/pass_test.h"

namespace wnn::optimizer {
namespace {

using testing::AddNoise;
using testing::AfterPasses;
using testing::Attr;
using testing::ExpectSameResults;
using testing::Inputs;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::NoiseTensor;
using testing::OpNames;

using Names = std::vector<std::string>;

constexpr float kTolerance = 5e-5f;

void AddConv(ModelBuilder& model, const std::string& x, const std::string& y, int64_t in,
             int64_t out, int64_t kernel, int64_t groups = 1, int64_t stride = 1) {
  AddNoise(model, y + "_w", {out, in / groups, kernel, kernel}, static_cast<uint32_t>(in + out));
  AddNoise(model, y + "_b", {out}, static_cast<uint32_t>(out));
  model.Node("Conv", {x, y + "_w", y + "_b"}, {y},
             {Attr("group", groups), Attr("pads", std::vector<int64_t>(4, kernel / 2)),
              Attr("strides", std::vector<int64_t>{stride, stride})},
             y);
}

void AddRelu6(ModelBuilder& model, const std::string& x, const std::string& y) {
  model.Initializer<float>(y + "_min", {}, {0});
  model.Initializer<float>(y + "_max", {}, {6});
  model.Node("Clip", {x, y + "_min", y + "_max"}, {y});
}

ModelBuilder WithInput(int64_t channels, testing::BuilderDim height = "H",
                       testing::BuilderDim width = "W") {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", channels, std::move(height), std::move(width)});
  return model;
}

TEST(FuseActivationTest, BoundsAreComposed) {
  const Names passes = {"blocked-layout", "fuse-activation"};
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 20, 3);
  model.Node("Relu", {"a"}, {"b"});
  model.Initializer<float>("low", {}, {-1});
  model.Initializer<float>("high", {}, {0.5f});
  model.Node("Clip", {"b", "low", "high"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, passes)),
            (Names{"wnn.ToBlocked", "wnn.Conv", "wnn.FromBlocked"}));
  ExpectSameResults(model, Inputs(NoiseTensor({2, 16, 6, 5})), passes, kTolerance);
}

TEST(FuseActivationTest, ANanStaysOne) {
  const Names passes = {"blocked-layout", "fuse-activation"};
  for (int64_t channels : {3, 16}) {
    ModelBuilder model = WithInput(channels);
    AddConv(model, "x", "a", channels, 16, 1);
    AddRelu6(model, "a", "y");
    model.Output("y");
    Tensor x = NoiseTensor({1, channels, 3, 3});
    reinterpret_cast<float*>(x.bytes().data())[4] = std::numeric_limits<float>::quiet_NaN();
    auto values = ExpectSameResults(model, Inputs(std::move(x)), passes, kTolerance);
    ASSERT_EQ(values.size(), 1u);
    EXPECT_TRUE(std::isnan(values[0][4]));
    EXPECT_FALSE(std::isnan(values[0][3]));
  }
}

TEST(FuseActivationTest, StaysWhereOthersReadItsInputOrItsBoundsAreComputed) {
  const Names passes = {"blocked-layout", "fuse-activation"};
  ModelBuilder model = WithInput(16);
  model.Input("bound", DType::kFloat, {});
  AddConv(model, "x", "a", 16, 16, 1);
  model.Node("Relu", {"a"}, {"b"});
  model.Node("Add", {"a", "b"}, {"c"});
  AddConv(model, "c", "d", 16, 16, 1);
  model.Node("Clip", {"d", "", "bound"}, {"y"});
  model.Output("y");
  const Names ops = OpNames(AfterPasses(model, passes));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Relu"), 1);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Clip"), 1);
}

TEST(FuseResidualTest, TheLaterConvolutionAdds) {
  const Names passes = {"blocked-layout", "fuse-residual", "fuse-activation"};
  ModelBuilder model = WithInput(16, 13, 14);
  AddConv(model, "x", "shortcut", 16, 32, 1);
  AddConv(model, "x", "a", 16, 16, 3);
  AddConv(model, "a", "b", 16, 32, 3);
  model.Node("Add", {"b", "shortcut"}, {"c"});
  model.Node("Relu", {"c"}, {"d"});
  AddConv(model, "d", "e", 32, 32, 1);
  model.Node("Add", {"d", "e"}, {"y"});
  model.Output("y");
  const Names ops = OpNames(AfterPasses(model, passes));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "wnn.Conv"), 4);
  EXPECT_EQ(ops.size(), 6u);
  ExpectSameResults(model, Inputs(NoiseTensor({2, 16, 13, 14})), passes, 2e-3f);
}

TEST(FuseResidualTest, NotBehindAnActivationNorWithBroadcast) {
  const Names passes = {"blocked-layout", "fuse-activation", "fuse-residual"};
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 16, 1);
  model.Node("Relu", {"a"}, {"b"});
  model.Node("Add", {"b", "x"}, {"c"});
  AddConv(model, "c", "d", 16, 16, 1);
  model.Node("GlobalAveragePool", {"c"}, {"means"});
  model.Node("Add", {"d", "means"}, {"y"});
  model.Output("y");
  const Names ops = OpNames(AfterPasses(model, passes));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "Add"), 2);
  ExpectSameResults(model, Inputs(NoiseTensor({2, 16, 6, 5})), passes, 2e-4f);
}

TEST(FusePoolTest, MeansWithoutTheMap) {
  const Names passes = {"blocked-layout", "fuse-activation", "fuse-pool"};
  ModelBuilder model = WithInput(24);
  AddConv(model, "x", "a", 24, 40, 1);
  model.Node("Relu", {"a"}, {"b"});
  model.Node("GlobalAveragePool", {"b"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, passes)),
            (Names{"wnn.ToBlocked", "wnn.Conv", "wnn.FromBlocked"}));
  ExpectSameResults(model, Inputs(NoiseTensor({2, 24, 13, 9})), passes, kTolerance);
}

TEST(FusePoolTest, AFirstLayerPoolsAtOnce) {
  const Names passes = {"blocked-layout", "fuse-activation", "fuse-pool"};
  for (int ceil_mode : {0, 1}) {
    ModelBuilder model = WithInput(3);
    AddConv(model, "x", "a", 3, 20, 3, 1, 2);
    model.Node("Relu", {"a"}, {"b"});
    model.Node("MaxPool", {"b"}, {"y"},
               {Attr("kernel_shape", std::vector<int64_t>{3, 3}), Attr("ceil_mode", ceil_mode),
                Attr("strides", std::vector<int64_t>{2, 2}),
                Attr("pads", std::vector<int64_t>{1, 0, 1, 0})});
    model.Output("y");
    EXPECT_EQ(OpNames(AfterPasses(model, passes)), (Names{"wnn.Conv", "wnn.FromBlocked"}));
    ExpectSameResults(model, Inputs(NoiseTensor({2, 3, 33, 30})), passes, kTolerance);
  }
}

const Names kAll = {"blocked-layout",     "fuse-residual", "fuse-activation",
                    "fold-preprocessing", "fuse-pool",     "fuse-inverted-residual"};

TEST(FuseInvertedResidualTest, WithAndWithoutExpansionAndResidual) {
  for (int64_t stride : {1, 2}) {
    for (int64_t size : {9, 30}) {
      ModelBuilder model = WithInput(24, size, size + 1);
      AddConv(model, "x", "a", 24, 40, 1);
      AddRelu6(model, "a", "b");
      AddConv(model, "b", "c", 40, 40, 5, 40, stride);
      AddRelu6(model, "c", "d");
      AddConv(model, "d", "e", 40, 24, 1);
      AddConv(model, "e", "f", 24, 24, 3, 24);
      model.Node("Relu", {"f"}, {"g"});
      AddConv(model, "g", "h", 24, 24, 1);
      model.Node("Add", {"h", "e"}, {"y"});
      model.Output("y");
      EXPECT_EQ(OpNames(AfterPasses(model, kAll)),
                (Names{"wnn.ToBlocked", "wnn.InvertedResidual", "wnn.InvertedResidual",
                       "wnn.FromBlocked"}));
      ExpectSameResults(model, Inputs(NoiseTensor({2, 24, size, size + 1})), kAll, 2e-3f);
    }
  }
}

TEST(FuseInvertedResidualTest, BehindTheFirstLayer) {
  ModelBuilder model = WithInput(3);
  model.Initializer<float>("scale", {3, 1, 1}, {2, 3, 4});
  model.Initializer<float>("shift", {3, 1, 1}, {1, -1, 0.5f});
  model.Node("Mul", {"x", "scale"}, {"p"});
  model.Node("Add", {"p", "shift"}, {"q"});
  AddConv(model, "q", "a", 3, 32, 3, 1, 2);
  AddRelu6(model, "a", "b");
  AddConv(model, "b", "c", 32, 32, 3, 32);
  AddRelu6(model, "c", "d");
  AddConv(model, "d", "y", 32, 16, 1);
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kAll)), (Names{"wnn.InvertedResidual", "wnn.FromBlocked"}));
  ExpectSameResults(model, Inputs(NoiseTensor({2, 3, 41, 38})), kAll, 5e-4f);
}

TEST(FuseInvertedResidualTest, NotWhereAMapInBetweenIsRead) {
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 32, 1);
  AddConv(model, "a", "b", 32, 32, 3, 32);
  AddConv(model, "b", "y", 32, 16, 1);
  model.Output("y");
  model.Output("b");
  const Names ops = OpNames(AfterPasses(model, kAll));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "wnn.Conv"), 3);
}

TEST(FastElementwiseTest, ActivationsAndTheirGatedForms) {
  const Names passes = {"blocked-layout", "fast-binary", "fuse-activation", "fast-unary"};
  ModelBuilder model(14);
  model.Input("i", DType::kFloat, {2, 3, 5, 7});
  AddConv(model, "i", "x", 3, 20, 1);
  model.Node("Sigmoid", {"x"}, {"s"});
  model.Node("Mul", {"s", "x"}, {"silu"});
  model.Node("HardSigmoid", {"silu"}, {"h"}, {Attr("alpha", 0.3f), Attr("beta", 0.4f)});
  model.Node("Mul", {"silu", "h"}, {"swish"});
  model.Node("Tanh", {"swish"}, {"t"});
  model.Node("LeakyRelu", {"t"}, {"l"}, {Attr("alpha", 0.3f)});
  model.Node("HardSwish", {"l"}, {"hs"});
  model.Node("Sub", {"hs", "x"}, {"d"});
  AddRelu6(model, "d", "r");
  model.Node("Add", {"r", "s"}, {"y"});
  model.Output("y");
  const Names ops = OpNames(AfterPasses(model, passes));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "wnn.Binary"), 3);  // s has another reader
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "wnn.Unary"), 5);
  EXPECT_EQ(ops.size(), 10u);  // with the convolution and a reorder
  ExpectSameResults(model, Inputs(NoiseTensor({2, 3, 5, 7})), passes, 5e-6f);
}

TEST(FastElementwiseTest, WhatIsNoBlockedMapStays) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 3, 4, 4});
  model.Node("Add", {"x", "x"}, {"a"});
  model.Node("Relu", {"a"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fast-binary", "fast-unary"})), (Names{"Add", "Relu"}));
}

TEST(FastElementwiseTest, SqueezeAndExciteScalesEachImage) {
  const Names passes = {"blocked-layout", "fast-binary", "fuse-activation"};
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 24, 1);
  model.Node("GlobalAveragePool", {"a"}, {"m"});
  model.Node("Mul", {"m", "a"}, {"b"});
  model.Node("Relu", {"b"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, passes)),
            (Names{"wnn.ToBlocked", "wnn.Conv", "wnn.GlobalAveragePool", "wnn.ScaleShift",
                   "wnn.FromBlocked"}));
  ExpectSameResults(model, Inputs(NoiseTensor({2, 16, 6, 5})), passes, kTolerance);
}

TEST(PackedGemmTest, GemmWithAnyBiasAndBounds) {
  const Names passes = {"packed-gemm", "fuse-activation"};
  const std::vector<Shape> biases = {{}, {1}, {70}, {1, 70}, {5, 1}, {5, 70}};
  for (const Shape& bias : biases) {
    for (int trans_a : {0, 1}) {
      ModelBuilder model;
      model.Input("x", DType::kFloat, {"A", "B"});
      AddNoise(model, "w", {70, 33});
      AddNoise(model, "c", bias, 9);
      model.Node("Gemm", {"x", "w", "c"}, {"g"},
                 {Attr("transA", trans_a), Attr("transB", 1), Attr("alpha", 0.5f)});
      model.Node("Relu", {"g"}, {"y"});
      model.Output("y");
      EXPECT_EQ(OpNames(AfterPasses(model, passes)), Names{"wnn.Gemm"});
      const Shape shape = trans_a != 0 ? Shape{33, 5} : Shape{5, 33};
      ExpectSameResults(model, Inputs(NoiseTensor(shape)), passes, 1e-5f);
    }
  }
}

TEST(PackedGemmTest, MatMulTakesItsBias) {
  const Names passes = {"packed-gemm"};
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", "T", 20});
  AddNoise(model, "w", {20, 31});
  AddNoise(model, "b", {31}, 4);
  model.Node("MatMul", {"x", "w"}, {"m"});
  model.Node("Add", {"b", "m"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, passes)), Names{"wnn.Gemm"});
  ExpectSameResults(model, Inputs(NoiseTensor({2, 3, 20})), passes, 1e-5f);
  ExpectSameResults(model, Inputs(NoiseTensor({2, 0, 20})), passes, 0);
}

TEST(PackedGemmTest, ProductsOfComputedMatricesBroadcast) {
  const Names passes = {"packed-gemm"};
  const auto check = [&](const Shape& a, const Shape& b) {
    ModelBuilder model;
    model.Input("a", DType::kFloat, {a.begin(), a.end()});
    model.Input("b", DType::kFloat, {b.begin(), b.end()});
    model.Node("MatMul", {"a", "b"}, {"y"});
    model.Output("y");
    EXPECT_EQ(OpNames(AfterPasses(model, passes)), Names{"wnn.MatMul"});
    ExpectSameResults(model, Inputs(NoiseTensor(a), NoiseTensor(b, 5)), passes, 1e-5f);
  };
  check({7, 9}, {9, 20});
  check({2, 3, 7, 9}, {9, 20});
  check({2, 3, 7, 9}, {2, 3, 9, 4});
  check({2, 1, 7, 9}, {3, 9, 4});
  check({5, 9}, {3, 9, 4});
  check({2, 5, 0}, {2, 0, 4});
}

}  // namespace
}  // namespace wnn::optimizer
