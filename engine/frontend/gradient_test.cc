// Gradient against differences, operator by operator, and what it refuses.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "engine/testing/run_model.h"

namespace wnn::frontend {
namespace {

using testing::Attr;
using testing::ExpectNear;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::ValuesOf;

using Floats = std::vector<float>;
using Names = std::vector<std::string>;

ModelBuilder NewModel() {
  ModelBuilder model(18);
  model.Import("ai.onnx.preview.training", 1);
  return model;
}

void AddGradientOf(ModelBuilder& model, const Names& inputs, const Names& outputs, const Names& xs,
                   const std::string& y, const Names& zs = {}) {
  std::vector<testing::BuilderAttribute> attributes = {Attr("xs", xs), Attr("y", y.c_str())};
  if (!zs.empty()) attributes.push_back(Attr("zs", zs));
  model.Node("Gradient", inputs, outputs, attributes, "gradient", "ai.onnx.preview.training");
}

std::vector<Floats> RunBoth(const ModelBuilder& model,
                            const std::vector<std::pair<Shape, Floats>>& in) {
  std::vector<Tensor> inputs;
  for (const auto& [shape, values] : in) inputs.push_back(MakeTensor<float>(shape, values));
  std::vector<Floats> results;
  for (bool optimize : {true, false}) {
    engine::LoadOptions options;
    options.optimize = optimize;
    auto outputs = testing::RunModel(model.Build(), inputs, options);
    EXPECT_TRUE(outputs) << outputs.error().message();
    if (!outputs) return {};
    std::vector<Floats> all;
    for (const Tensor& output : *outputs) all.push_back(ValuesOf<float>(output));
    if (results.empty()) results = all;
    for (size_t i = 0; i < all.size(); ++i) ExpectNear(all[i], results[i], 1e-6f);
  }
  return results;
}

// y = f(a), with what `build` puts between; a of shape {2, 3}, w a constant of shape {3}.
struct Case {
  const char* name;
  std::function<void(ModelBuilder&)> build;
};

std::vector<Case> Cases() {
  const auto unary = [](const char* op) {
    return Case{op, [op](ModelBuilder& m) { m.Node(op, {"a"}, {"y"}); }};
  };
  const auto left = [](const char* op) {
    return Case{op, [op](ModelBuilder& m) { m.Node(op, {"a", "w"}, {"y"}); }};
  };
  // The variable is broadcast, too.
  const auto right = [](const char* op) {
    return Case{op, [op](ModelBuilder& m) {
                  m.Node("ReduceMean", {"a"}, {"mean"}, {Attr("keepdims", 0)});
                  m.Node(op, {"w", "mean"}, {"y"});
                }};
  };
  std::vector<Case> cases;
  for (const char* op : {"Abs", "Cos", "Exp", "Floor", "Identity", "Log", "Neg", "Reciprocal",
                         "Relu", "Sigmoid", "Sin", "Sqrt", "Tanh", "Transpose"}) {
    cases.push_back(unary(op));
  }
  for (const char* op : {"Add", "Sub", "Mul", "Div", "Pow", "Sum"}) {
    cases.push_back(left(op));
    cases.push_back(right(op));
  }
  cases.push_back({"MatMul", [](ModelBuilder& m) {
                     m.Node("Transpose", {"a"}, {"t"}, {Attr("perm", std::vector<int64_t>{1, 0})});
                     m.Node("MatMul", {"t", "a"}, {"y"});
                   }});
  for (int trans_a : {0, 1}) {
    for (int trans_b : {0, 1}) {
      cases.push_back({"Gemm", [=](ModelBuilder& m) {
                         m.Node("Mul", {"a", "w"}, {"b"});
                         m.Node("Transpose", {"b"}, {"t"});
                         const bool same = trans_a != trans_b;
                         m.Node("Gemm", {"a", same ? "b" : "t", "a00"}, {"y"},
                                {Attr("transA", trans_a), Attr("transB", trans_b),
                                 Attr("alpha", 0.5f), Attr("beta", 2.0f)});
                         m.Node("ReduceSum", {"a"}, {"a00"});
                       }});
    }
  }
  cases.push_back({"Shapes", [](ModelBuilder& m) {
                     m.Node("Flatten", {"a"}, {"f"}, {Attr("axis", 0)});
                     m.Node("Squeeze", {"f"}, {"s"});
                     m.Node("Mul", {"s", "s"}, {"q"});
                     m.Node("Reshape", {"q", "shape"}, {"r"});
                     m.Node("Expand", {"r", "wide"}, {"y"});
                   }});
  cases.push_back({"Where", [](ModelBuilder& m) {
                     m.Node("Greater", {"a", "w"}, {"c"});
                     m.Node("Where", {"c", "w", "a"}, {"y"});
                   }});
  cases.push_back({"Cast", [](ModelBuilder& m) {
                     m.Node("Cast", {"a"}, {"d"}, {Attr("to", 11)});
                     m.Node("Mul", {"d", "d"}, {"q"});
                     m.Node("CastLike", {"q", "a"}, {"y"});
                   }});
  return cases;
}

ModelBuilder ModelOf(const Case& c) {
  ModelBuilder model = NewModel();
  model.Input("a", DType::kFloat, {2, 3});
  model.Initializer<float>("w", {3}, {0.9f, -0.3f, 1.7f});
  model.Initializer<int64_t>("shape", {3}, {3, 1, 2});
  model.Initializer<int64_t>("wide", {3}, {3, 4, 2});
  c.build(model);
  return model;
}

TEST(GradientTest, EveryRuleIsWhatDifferencesAre) {
  const Floats a = {0.5f, 1.25f, 2.1f, 0.75f, 1.5f, 0.3f};
  const float h = 1e-2f;
  for (const Case& c : Cases()) {
    SCOPED_TRACE(c.name);
    ModelBuilder forward = ModelOf(c), backward = ModelOf(c);
    forward.Output("y");
    AddGradientOf(backward, {"a"}, {"da"}, {"a"}, "y");
    backward.Output("da");
    const auto gradient = RunBoth(backward, {{{2, 3}, a}});
    ASSERT_EQ(gradient.size(), 1u);
    const auto sum_at = [&](size_t i, float by) {
      Floats moved = a;
      moved[i] += by;
      double sum = 0;
      const std::vector<Floats> outputs = RunBoth(forward, {{{2, 3}, moved}});
      for (const Floats& output : outputs) {
        for (float y : output) sum += y;
      }
      return sum;
    };
    for (size_t i = 0; i < a.size(); ++i) {
      const double expected = (sum_at(i, h) - sum_at(i, -h)) / (2 * h);
      if (std::isnan(expected)) continue;  // a negative base
      EXPECT_NEAR(gradient[0][i], expected, 0.02 * (1 + std::abs(expected))) << i;
    }
  }
}

TEST(GradientTest, OfGradientsAndOfIntermediateValues) {
  ModelBuilder model = NewModel();
  model.Input("x", DType::kFloat, {"N"});
  model.Node("Mul", {"x", "x"}, {"square"});
  model.Node("Mul", {"square", "x"}, {"y"});
  AddGradientOf(model, {"x"}, {"second"}, {"x"}, "first");  // in any order
  AddGradientOf(model, {"x"}, {"first"}, {"x"}, "y");
  AddGradientOf(model, {"square", "x"}, {"by_square", ""}, {"square", "x"}, "y");
  for (const char* name : {"first", "second", "by_square"}) model.Output(name);
  const auto results = RunBoth(model, {{{2}, {2, -3}}});
  ASSERT_EQ(results.size(), 3u);
  ExpectNear(results[0], {12, 27}, 1e-4f);
  ExpectNear(results[1], {12, -18}, 1e-4f);
  ExpectNear(results[2], {2, -3}, 1e-4f);
}

TEST(GradientTest, AtOtherValuesThanTheVariables) {
  ModelBuilder model = NewModel();
  for (const char* name : {"x", "z", "at_x", "at_z"}) model.Input(name, DType::kFloat, {1});
  model.Node("Mul", {"x", "z"}, {"p"});
  model.Node("Exp", {"p"}, {"y"});
  AddGradientOf(model, {"at_x", "at_z"}, {"dx"}, {"x"}, "y", {"z"});
  model.Output("y");
  model.Output("dx");
  const auto results = RunBoth(model, {{{1}, {0}}, {{1}, {5}}, {{1}, {1}}, {{1}, {2}}});
  ASSERT_EQ(results.size(), 2u);
  ExpectNear(results[0], {1}, 1e-6f);
  ExpectNear(results[1], {2 * std::exp(2.0f)}, 1e-4f);
}

TEST(GradientTest, WhatYDoesNotDependOnHasNone) {
  ModelBuilder model = NewModel();
  model.Input("x", DType::kFloat, {2});
  model.Input("u", DType::kFloat, {3});
  model.Node("Neg", {"x"}, {"y"});
  AddGradientOf(model, {"x", "u"}, {"dx", "du"}, {"x", "u"}, "y");
  model.Output("dx");
  model.Output("du");
  const auto results = RunBoth(model, {{{2}, {1, 2}}, {{3}, {1, 2, 3}}});
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0], (Floats{-1, -1}));
  EXPECT_EQ(results[1], (Floats{0, 0, 0}));
}

Status LoadError(const ModelBuilder& model, const Limits& limits = {}) {
  engine::LoadOptions options;
  options.limits = limits;
  auto loaded = engine::Model::Load(model.Build(), options);
  return loaded ? OkStatus() : std::move(loaded.error());
}

TEST(GradientTest, RefusesWhatItCannotDo) {
  ModelBuilder split = NewModel();
  split.Input("x", DType::kFloat, {4});
  split.Node("Split", {"x"}, {"a", "y"}, {Attr("num_outputs", 2)}, "halves");
  AddGradientOf(split, {"x"}, {"dx"}, {"x"}, "y");
  split.Output("dx");
  const Status unsupported = LoadError(split);
  ASSERT_FALSE(unsupported.ok());
  EXPECT_EQ(unsupported.code(), Code::kUnsupportedOperation);
  EXPECT_NE(unsupported.message().find("'halves' (Split)"), std::string_view::npos)
      << unsupported.message();

  for (const Names& xs : {Names{"nothing"}, Names{"x", "x"}, Names{}}) {
    ModelBuilder model = NewModel();
    model.Input("x", DType::kFloat, {4});
    model.Node("Neg", {"x"}, {"y"});
    AddGradientOf(model, {"x"}, {"dx"}, xs, "y");
    model.Output("dx");
    const Status invalid = LoadError(model);
    ASSERT_FALSE(invalid.ok());
    EXPECT_EQ(invalid.code(), Code::kInvalidArgument);
  }
}

TEST(GradientTest, RefusesItsOwnResultAndSubgraphs) {
  ModelBuilder circle = NewModel();
  circle.Input("x", DType::kFloat, {1});
  AddGradientOf(circle, {"x"}, {"a"}, {"x"}, "b");
  AddGradientOf(circle, {"x"}, {"b"}, {"x"}, "a");
  circle.Output("b");
  EXPECT_EQ(LoadError(circle).code(), Code::kInvalidArgument);

  ModelBuilder body = NewModel(), model = NewModel();
  body.Node("Neg", {"x"}, {"y"});
  AddGradientOf(body, {"x"}, {"dx"}, {"x"}, "y");
  body.Output("dx");
  model.Input("x", DType::kFloat, {1});
  model.Input("c", DType::kBool, {});
  model.Node("If", {"c"}, {"z"},
             {testing::GraphAttr("then_branch", body), testing::GraphAttr("else_branch", body)});
  model.Output("z");
  EXPECT_EQ(LoadError(model).code(), Code::kUnsupportedOperation);
}

// Each is made of more nodes than the one before.
TEST(GradientTest, GradientsOfGradientsStayWithinTheLimitOfNodes) {
  ModelBuilder model = NewModel();
  model.Input("x", DType::kFloat, {1});
  model.Node("Sigmoid", {"x"}, {"y0"});
  for (int i = 0; i < 40; ++i) {
    AddGradientOf(model, {"x"}, {"y" + std::to_string(i + 1)}, {"x"}, "y" + std::to_string(i));
  }
  model.Output("y40");
  Limits limits;
  limits.max_nodes = 2000;
  const Status error = LoadError(model, limits);
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.code(), Code::kTooLarge);
}

// Nor does one that finds nothing look at a long model as often as a short one may ask.
TEST(GradientTest, NodesThatAreLookedAtCountToo) {
  ModelBuilder model = NewModel();
  model.Input("x", DType::kFloat, {1});
  model.Input("u", DType::kFloat, {1});
  model.Node("Neg", {"x"}, {"y0"});
  for (int i = 0; i < 1000; ++i) {
    model.Node("Neg", {"y" + std::to_string(i)}, {"y" + std::to_string(i + 1)});
  }
  for (int i = 0; i < 20; ++i) {
    AddGradientOf(model, {"u"}, {"d" + std::to_string(i)}, {"u"}, "y1000");
    model.Output("d" + std::to_string(i));
  }
  EXPECT_TRUE(LoadError(model).ok());
  Limits limits;
  limits.max_nodes = 5000;
  const Status error = LoadError(model, limits);
  ASSERT_FALSE(error.ok());
  EXPECT_EQ(error.code(), Code::kTooLarge);
}

}  // namespace
}  // namespace wnn::frontend
