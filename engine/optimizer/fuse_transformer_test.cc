// The passes that make one operator of what transformers' exporters write as arithmetic.
#include <gtest/gtest.h>

#include "engine/testing/pass_test.h"

namespace wnn::optimizer {
namespace {

using testing::AddGelu;
using testing::AddLayerNorm;
using testing::AddNoise;
using testing::AfterPasses;
using testing::Attr;
using testing::ExpectSameResults;
using testing::Inputs;
using testing::ModelBuilder;
using testing::NoiseTensor;
using testing::OpNames;

using Names = std::vector<std::string>;

constexpr float kTolerance = 2e-6f;

ModelBuilder WithInput(int opset = 13) {
  ModelBuilder model(opset);
  model.Input("x", DType::kFloat, {"N", 5, 24});
  return model;
}

const Names kNormPasses = {"fuse-layer-norm", "remove-dead"};

TEST(FuseLayerNormTest, ArithmeticOfTheLastAxis) {
  ModelBuilder model = WithInput();
  AddLayerNorm(model, "x", "y", 24);
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kNormPasses)), Names{"LayerNormalization"});
  ExpectSameResults(model, Inputs(NoiseTensor({2, 5, 24})), kNormPasses, kTolerance);
}

// Axes as an input, the difference written twice, the square as a product, constants first.
TEST(FuseLayerNormTest, OtherWaysToWriteIt) {
  ModelBuilder model = WithInput(18);
  model.Initializer<int64_t>("axes", {1}, {2});
  model.Initializer<float>("epsilon", {}, {1e-3f});
  AddNoise(model, "scale", {24}, 5);
  AddNoise(model, "bias", {24}, 6);
  model.Node("ReduceMean", {"x", "axes"}, {"mean"});
  model.Node("Sub", {"x", "mean"}, {"d1"});
  model.Node("Sub", {"x", "mean"}, {"d2"});
  model.Node("Mul", {"d2", "d2"}, {"squares"});
  model.Node("ReduceMean", {"squares", "axes"}, {"variance"});
  model.Node("Add", {"epsilon", "variance"}, {"sum"});
  model.Node("Sqrt", {"sum"}, {"root"});
  model.Node("Div", {"d1", "root"}, {"normal"});
  model.Node("Mul", {"scale", "normal"}, {"scaled"});
  model.Node("Add", {"bias", "scaled"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kNormPasses)), Names{"LayerNormalization"});
  ExpectSameResults(model, Inputs(NoiseTensor({2, 5, 24})), kNormPasses, kTolerance);
}

TEST(FuseLayerNormTest, WhatOthersReadIsComputedToo) {
  ModelBuilder model = WithInput();
  AddLayerNorm(model, "x", "y", 24);
  model.Node("Neg", {"y_centred"}, {"z"});
  model.Output("y");
  model.Output("z");
  EXPECT_EQ(OpNames(AfterPasses(model, kNormPasses)),
            (Names{"ReduceMean", "Sub", "Neg", "LayerNormalization"}));
  ExpectSameResults(model, Inputs(NoiseTensor({2, 5, 24})), kNormPasses, kTolerance);
}

TEST(FuseLayerNormTest, OtherArithmeticStays) {
  const size_t n_nodes = 9;
  {
    ModelBuilder model = WithInput();  // one scale for all: 1 is not the axis' extent
    AddLayerNorm(model, "x", "y", 1);
    model.Output("y");
    EXPECT_EQ(OpNames(AfterPasses(model, kNormPasses)).size(), n_nodes);
  }
  ModelBuilder model;  // over another axis
  model.Input("x", DType::kFloat, {3, 24, 24});
  const auto axes = Attr("axes", std::vector<int64_t>{1});
  model.Initializer<float>("two", {}, {2});
  model.Initializer<float>("epsilon", {}, {1e-3f});
  AddNoise(model, "scale", {24}, 5);
  AddNoise(model, "bias", {24}, 6);
  model.Node("ReduceMean", {"x"}, {"mean"}, {axes});
  model.Node("Sub", {"x", "mean"}, {"d"});
  model.Node("Pow", {"d", "two"}, {"squares"});
  model.Node("ReduceMean", {"squares"}, {"variance"}, {axes});
  model.Node("Add", {"variance", "epsilon"}, {"sum"});
  model.Node("Sqrt", {"sum"}, {"root"});
  model.Node("Div", {"d", "root"}, {"normal"});
  model.Node("Mul", {"normal", "scale"}, {"scaled"});
  model.Node("Add", {"scaled", "bias"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kNormPasses)).size(), n_nodes);
}

const Names kGeluPasses = {"fuse-gelu", "remove-dead"};

void ExpectGelu(const ModelBuilder& model, const Names& before = {}) {
  Names expected = before;
  expected.push_back("Gelu");
  EXPECT_EQ(OpNames(AfterPasses(model, kGeluPasses)), expected);
  ExpectSameResults(model, Inputs(NoiseTensor({2, 5, 24})), kGeluPasses, kTolerance);
}

TEST(FuseGeluTest, FactorsInAnyOrder) {
  ModelBuilder usual = WithInput();
  AddGelu(usual, "x", "y");
  usual.Output("y");
  ExpectGelu(usual);

  ModelBuilder halves = WithInput();
  halves.Initializer<float>("root", {1}, {0.707106769f});
  halves.Initializer<float>("one", {}, {1});
  halves.Initializer<float>("half", {}, {0.5f});
  halves.Node("Mul", {"root", "x"}, {"scaled"});
  halves.Node("Erf", {"scaled"}, {"erf"});
  halves.Node("Add", {"one", "erf"}, {"sum"});
  halves.Node("Mul", {"half", "sum"}, {"gate"});
  halves.Node("Mul", {"gate", "x"}, {"y"});
  halves.Output("y");
  ExpectGelu(halves);
}

TEST(FuseGeluTest, OfAProduct) {
  ModelBuilder model = WithInput();
  AddNoise(model, "gain", {24});
  model.Node("Mul", {"x", "gain"}, {"z"});
  AddGelu(model, "z", "y");
  model.Output("y");
  ExpectGelu(model, {"Mul"});
}

TEST(FuseGeluTest, ByTanh) {
  for (const bool as_power : {true, false}) {
    ModelBuilder model = WithInput();
    model.Initializer<float>("three", {}, {3});
    model.Initializer<float>("factor", {}, {0.044715f});
    model.Initializer<float>("root", {}, {0.797884583f});
    model.Initializer<float>("one", {}, {1});
    model.Initializer<float>("half", {}, {0.5f});
    if (as_power) {
      model.Node("Pow", {"x", "three"}, {"cube"});
    } else {
      model.Node("Mul", {"x", "x"}, {"square"});
      model.Node("Mul", {"square", "x"}, {"cube"});
    }
    model.Node("Mul", {"factor", "cube"}, {"term"});
    model.Node("Add", {"x", "term"}, {"inner"});
    model.Node("Mul", {"root", "inner"}, {"argument"});
    model.Node("Tanh", {"argument"}, {"tanh"});
    model.Node("Add", {"tanh", "one"}, {"sum"});
    model.Node("Mul", {"x", "half"}, {"halved"});
    model.Node("Mul", {"halved", "sum"}, {"y"});
    model.Output("y");
    ExpectGelu(model);
  }
}

TEST(FuseGeluTest, OtherArithmeticStays) {
  ModelBuilder model = WithInput();
  AddGelu(model, "x", "g");
  model.Node("Mul", {"g_sum", "x"}, {"y"});  // without the half
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kGeluPasses)), (Names{"Div", "Erf", "Add", "Mul"}));
  ModelBuilder raised = WithInput();  // the result has one dimension more
  AddGelu(raised, "x", "g");
  raised.Initializer<float>("half", {1, 1, 1, 1}, {0.5f});
  raised.Node("Mul", {"g_gated", "half"}, {"y"});
  raised.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(raised, kGeluPasses)), (Names{"Div", "Erf", "Add", "Mul", "Mul"}));
}

}  // namespace
}  // namespace wnn::optimizer
