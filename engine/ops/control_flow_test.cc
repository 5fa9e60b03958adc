// If, Loop, Scan and SequenceMap, with values captured from the graphs around.
#include <gtest/gtest.h>

#include <chrono>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::GraphAttr;
using testing::Inputs;
using testing::Iota;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::RunModel;
using testing::ValuesOf;

using Floats = std::vector<float>;
using Ints = std::vector<int64_t>;

// Runs it optimised and not; both must agree.
std::vector<Tensor> RunBoth(const ModelBuilder& builder, const std::vector<Tensor>& inputs) {
  engine::LoadOptions plain;
  plain.optimize = false;
  auto outputs = RunModel(builder.Build(), inputs);
  auto again = RunModel(builder.Build(), inputs, plain);
  EXPECT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_TRUE(again.has_value()) << again.error().message();
  if (!outputs || !again) return {};
  for (size_t i = 0; i < outputs->size(); ++i) {
    EXPECT_EQ(outputs->at(i).shape(), again->at(i).shape());
    EXPECT_TRUE(std::equal(outputs->at(i).bytes().begin(), outputs->at(i).bytes().end(),
                           again->at(i).bytes().begin(), again->at(i).bytes().end()));
  }
  return std::move(*outputs);
}

TEST(IfTest, TakesABranchAndWhatItCaptures) {
  ModelBuilder then_branch, else_branch, model;
  then_branch.Node("Add", {"x", "w"}, {"t"});
  then_branch.Output("t");
  else_branch.Initializer<float>("w", {1}, {-1});  // not the w outside
  else_branch.Node("Mul", {"r", "w"}, {"e"});
  else_branch.Output("e");
  model.Input("x", DType::kFloat, {"N"});
  model.Input("c", DType::kBool, {});
  model.Initializer<float>("w", {1}, {10});
  // Declared after the node that captures it.
  model.Node("If", {"c"}, {"y"},
             {GraphAttr("then_branch", then_branch), GraphAttr("else_branch", else_branch)});
  model.Node("Relu", {"x"}, {"r"});
  model.Output("y");
  auto y = RunBoth(model, Inputs(MakeTensor<float>({2}, {-1, 2}), MakeTensor<bool>({}, {true})));
  ASSERT_EQ(y.size(), 1u);
  EXPECT_EQ(ValuesOf<float>(y[0]), (Floats{9, 12}));
  y = RunBoth(model, Inputs(MakeTensor<float>({2}, {-1, 2}), MakeTensor<bool>({}, {false})));
  ASSERT_EQ(y.size(), 1u);
  EXPECT_EQ(ValuesOf<float>(y[0]), (Floats{-0.0f, -2}));
}

TEST(IfTest, ABranchInABranchCapturesFromOutsideBoth) {
  ModelBuilder inner, other, outer, model;
  inner.Node("Add", {"x", "r"}, {"i"});
  inner.Output("i");
  other.Output("x");  // hands on what it captures
  outer.Node("If", {"c"}, {"o"},
             {GraphAttr("then_branch", inner), GraphAttr("else_branch", other)});
  outer.Output("o");
  model.Input("x", DType::kFloat, {"N"});
  model.Input("c", DType::kBool, {});
  model.Node("Neg", {"x"}, {"n"});
  model.Node("Relu", {"n"}, {"r"});
  model.Node("If", {"c"}, {"y"},
             {GraphAttr("then_branch", outer), GraphAttr("else_branch", other)});
  model.Output("y");
  auto y = RunBoth(model, Inputs(MakeTensor<float>({2}, {-1, 2}), MakeTensor<bool>({}, {true})));
  ASSERT_EQ(y.size(), 1u);
  EXPECT_EQ(ValuesOf<float>(y[0]), (Floats{0, 2}));
  y = RunBoth(model, Inputs(MakeTensor<float>({2}, {-1, 2}), MakeTensor<bool>({}, {false})));
  ASSERT_EQ(y.size(), 1u);
  EXPECT_EQ(ValuesOf<float>(y[0]), (Floats{-1, 2}));
}

TEST(IfTest, RefusesWhatIsInvalid) {
  ModelBuilder one, two, missing, model;
  one.Output("x");
  two.Output("x");
  two.Output("x");
  missing.Node("Add", {"x", "nowhere"}, {"m"}, {}, "inner");
  missing.Output("m");
  auto load = [&](const ModelBuilder& then_branch, const ModelBuilder& else_branch) {
    ModelBuilder builder;
    builder.Input("x", DType::kFloat, {"N"});
    builder.Input("c", DType::kBool, {});
    builder.Node("If", {"c"}, {"y"},
                 {GraphAttr("then_branch", then_branch), GraphAttr("else_branch", else_branch)},
                 "choice");
    builder.Output("y");
    auto loaded = engine::Model::Load(builder.Build(), {});
    EXPECT_FALSE(loaded.has_value());
    return loaded ? Status() : std::move(loaded.error());
  };
  EXPECT_NE(load(one, two).message().find("node 'choice' (If)"), std::string_view::npos);
  const Status status = load(one, missing);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("node 'inner'"), std::string_view::npos) << status.message();
  EXPECT_NE(status.message().find("'nowhere'"), std::string_view::npos) << status.message();
}

TEST(IfTest, NestingIsLimited) {
  ModelBuilder body;
  body.Output("x");
  for (int depth = 0; depth < 40; ++depth) {
    ModelBuilder around;
    around.Node("If", {"c"}, {"y"},
                {GraphAttr("then_branch", body), GraphAttr("else_branch", body)});
    around.Output("y");
    if (depth < 6) {  // both branches: twice as large each time
      body = around;
      continue;
    }
    ModelBuilder single, leaf;
    leaf.Output("x");
    single.Node("If", {"c"}, {"y"},
                {GraphAttr("then_branch", body), GraphAttr("else_branch", leaf)});
    single.Output("y");
    body = single;
  }
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N"});
  model.Input("c", DType::kBool, {});
  model.Node("If", {"c"}, {"y"}, {GraphAttr("then_branch", body), GraphAttr("else_branch", body)});
  model.Output("y");
  auto loaded = engine::Model::Load(model.Build(), {});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code(), Code::kTooLarge) << loaded.error().message();
}

// Doubles s and appends it, while it is below `limit`, at most M times.
ModelBuilder Doubling() {
  ModelBuilder body, model;
  body.Input("i", DType::kInt64, {});
  body.Input("c", DType::kBool, {});
  body.Input("s", DType::kFloat, {1});
  body.Node("Add", {"s", "s"}, {"d"});
  body.Node("Less", {"d", "limit"}, {"below"});
  body.Node("Squeeze", {"below"}, {"goes_on"});
  for (const char* name : {"goes_on", "d", "d", "i"}) body.Output(name);
  model.Input("M", DType::kInt64, {});
  model.Input("s0", DType::kFloat, {1});
  model.Input("limit", DType::kFloat, {1});
  model.Node("Loop", {"M", "", "s0"}, {"s", "all", "turns"}, {GraphAttr("body", body)}, "loop");
  for (const char* name : {"s", "all", "turns"}) model.Output(name);
  return model;
}

TEST(LoopTest, CountsConditionsAndScanOutputs) {
  auto run = [&](int64_t max_turns, float limit) {
    return RunBoth(Doubling(),
                   Inputs(MakeTensor<int64_t>({}, {max_turns}), MakeTensor<float>({1}, {1}),
                          MakeTensor<float>({1}, {limit})));
  };
  auto out = run(100, 10);  // the condition ends it
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(ValuesOf<float>(out[0]), (Floats{16}));
  EXPECT_EQ(out[1].shape(), (Shape{4, 1}));
  EXPECT_EQ(ValuesOf<float>(out[1]), (Floats{2, 4, 8, 16}));
  EXPECT_EQ(ValuesOf<int64_t>(out[2]), (Ints{0, 1, 2, 3}));
  out = run(2, 10);  // the count does
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(ValuesOf<float>(out[0]), (Floats{4}));
  out = run(0, 10);  // no turn at all
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(ValuesOf<float>(out[0]), (Floats{1}));
  EXPECT_EQ(out[1].shape(), (Shape{0, 1}));
  EXPECT_EQ(out[2].shape(), (Shape{0}));
}

// Their slices are joined many at a time.
TEST(LoopTest, ManyTurnsAreStackedInOrder) {
  constexpr int64_t kTurns = 70'000;
  ModelBuilder body, scan_body, model(11);
  body.Input("i", DType::kInt64, {});
  body.Input("c", DType::kBool, {});
  body.Node("Identity", {"c"}, {"goes_on"});
  body.Output("goes_on");
  body.Output("i");
  scan_body.Input("e", DType::kInt64, {});
  scan_body.Node("Identity", {"e"}, {"f"});
  scan_body.Output("f");
  model.Input("M", DType::kInt64, {});
  model.Initializer<bool>("true", {}, {true});
  model.Node("Loop", {"M", "true"}, {"turns"}, {GraphAttr("body", body)});
  model.Node("Scan", {"turns"}, {"back"},
             {GraphAttr("body", scan_body), Attr("num_scan_inputs", 1),
              Attr("scan_output_directions", Ints{1})});
  model.Output("turns");
  model.Output("back");
  auto out = RunModel(model.Build(), Inputs(MakeTensor<int64_t>({}, {kTurns})));
  ASSERT_TRUE(out.has_value()) << out.error().message();
  Ints forwards = Iota<int64_t>(kTurns);
  EXPECT_EQ(ValuesOf<int64_t>(out->at(0)), forwards);
  std::reverse(forwards.begin(), forwards.end());
  EXPECT_EQ(ValuesOf<int64_t>(out->at(1)), forwards);
}

TEST(LoopTest, EndlessLoopsStopAndRunOutOfMemory) {
  ModelBuilder body, model;
  body.Input("i", DType::kInt64, {});
  body.Input("c", DType::kBool, {});
  body.Node("Identity", {"c"}, {"on"});
  body.Output("on");
  body.Output("x");  // captured, and kept in every turn
  model.Input("x", DType::kFloat, {"N"});
  model.Initializer<bool>("true", {}, {true});
  model.Node("Loop", {"", "true"}, {"all"}, {GraphAttr("body", body)}, "loop");
  model.Output("all");
  engine::LoadOptions options;
  options.limits.max_memory_bytes = 100'000;
  auto limited = RunModel(model.Build(), Inputs(MakeTensor<float>({2}, {1, 2})), options);
  ASSERT_FALSE(limited.has_value());
  EXPECT_EQ(limited.error().code(), Code::kTooLarge);

  auto loaded = engine::Model::Load(model.Build(), {});
  ASSERT_TRUE(loaded.has_value());
  auto execution = std::move(*engine::Execution::Create(*loaded, {}));
  ASSERT_TRUE(execution->SetInput(0, MakeTensor<float>({1}, {1}).view()).ok());
  engine::RunOptions soon;
  soon.stop.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
  EXPECT_EQ(execution->Run(soon).code(), Code::kTimeout);
}

TEST(LoopTest, ACarriedValueMayGrow) {
  ModelBuilder body, model;
  body.Input("i", DType::kInt64, {});
  body.Input("c", DType::kBool, {});
  body.InputOfAnyRank("s", DType::kFloat);
  body.Node("Concat", {"s", "x"}, {"t"}, {Attr("axis", 0)});
  body.Output("c");
  body.Output("t");
  model.Input("x", DType::kFloat, {1});
  model.Input("M", DType::kInt64, {});
  model.Node("Loop", {"M", "", "x"}, {"y"}, {GraphAttr("body", body)});
  model.Output("y");
  auto y = RunBoth(model, Inputs(MakeTensor<float>({1}, {3}), MakeTensor<int64_t>({}, {4})));
  ASSERT_EQ(y.size(), 1u);
  EXPECT_EQ(ValuesOf<float>(y[0]), Floats(5, 3));
}

TEST(ScanTest, SumsForwardsAndBackwardsAlongAnyAxis) {
  ModelBuilder body;
  body.Input("s", DType::kFloat, {2});
  body.Input("x", DType::kFloat, {2});
  body.Node("Add", {"s", "x"}, {"t"});
  body.Node("Identity", {"t"}, {"u"});
  body.Output("t");
  body.Output("u");
  auto scan = [&](std::vector<testing::BuilderAttribute> attributes, const Shape& shape) {
    ModelBuilder model(11);
    model.Input("s0", DType::kFloat, {2});
    model.Input("x", DType::kFloat, {shape[0], shape[1]});
    attributes.push_back(GraphAttr("body", body));
    attributes.push_back(Attr("num_scan_inputs", 1));
    model.Node("Scan", {"s0", "x"}, {"s", "y"}, attributes);
    model.Output("s");
    model.Output("y");
    return RunBoth(
        model, Inputs(MakeTensor<float>({2}, {10, 20}), MakeTensor<float>(shape, Iota<float>(6))));
  };
  auto out = scan({}, {3, 2});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(ValuesOf<float>(out[0]), (Floats{16, 29}));
  EXPECT_EQ(out[1].shape(), (Shape{3, 2}));
  EXPECT_EQ(ValuesOf<float>(out[1]), (Floats{10, 21, 12, 24, 16, 29}));
  out = scan({Attr("scan_input_directions", Ints{1}), Attr("scan_output_directions", Ints{1}),
              Attr("scan_input_axes", Ints{-1}), Attr("scan_output_axes", Ints{1})},
             {2, 3});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(ValuesOf<float>(out[0]), (Floats{13, 32}));
  EXPECT_EQ(out[1].shape(), (Shape{2, 3}));
  EXPECT_EQ(ValuesOf<float>(out[1]), (Floats{13, 13, 12, 32, 29, 25}));
}

TEST(SequenceMapTest, RunsItsBodyOnEveryElement) {
  ModelBuilder body, model(17);
  body.InputOfAnyRank("e", DType::kFloat);
  body.InputOfAnyRank("k", DType::kFloat);
  body.Node("Mul", {"e", "k"}, {"f"});
  body.Node("Add", {"f", "x"}, {"g"});
  body.Output("g");
  model.Input("x", DType::kFloat, {1});
  model.Node("Add", {"x", "x"}, {"xx"});
  model.Node("SequenceConstruct", {"x", "xx"}, {"seq"});
  model.Node("SequenceMap", {"seq", "xx"}, {"mapped"}, {GraphAttr("body", body)});
  model.Node("ConcatFromSequence", {"mapped"}, {"y"}, {Attr("axis", 0)});
  model.Output("y");
  auto y = RunBoth(model, Inputs(MakeTensor<float>({1}, {3})));
  ASSERT_EQ(y.size(), 1u);
  EXPECT_EQ(ValuesOf<float>(y[0]), (Floats{21, 39}));
}

}  // namespace
}  // namespace wnn::ops
