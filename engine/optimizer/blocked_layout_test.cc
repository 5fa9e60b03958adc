#include <gtest/gtest.h>

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

const Names kPass = {"blocked-layout"};
constexpr float kTolerance = 5e-5f;

std::vector<int64_t> Same(int64_t kernel) { return std::vector<int64_t>(4, kernel / 2); }

// `y` = Conv(x) with noise for weights, padded to keep its size.
void AddConv(ModelBuilder& model, const std::string& x, const std::string& y, int64_t in,
             int64_t out, int64_t kernel, int64_t groups = 1) {
  AddNoise(model, y + "_w", {out, in / groups, kernel, kernel}, static_cast<uint32_t>(in + out));
  AddNoise(model, y + "_b", {out}, static_cast<uint32_t>(out));
  model.Node("Conv", {x, y + "_w", y + "_b"}, {y},
             {Attr("group", groups), Attr("pads", Same(kernel))}, y);
}

ModelBuilder WithInput(int64_t channels) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", channels, "H", "W"});
  return model;
}

TEST(BlockedLayoutTest, ReordersStandAtTheBordersOnly) {
  ModelBuilder model = WithInput(24);
  AddConv(model, "x", "a", 24, 20, 3);
  model.Node("Relu", {"a"}, {"b"});
  AddConv(model, "b", "c", 20, 33, 1);
  model.Node("MaxPool", {"c"}, {"d"},
             {Attr("kernel_shape", std::vector<int64_t>{3, 2}),
              Attr("strides", std::vector<int64_t>{2, 1})});
  model.Node("Softmax", {"d"}, {"y"}, {Attr("axis", 1)});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kPass)),
            (Names{"wnn.ToBlocked", "wnn.Conv", "Relu", "wnn.Conv", "wnn.MaxPool",
                   "wnn.FromBlocked", "Softmax"}));
  ExpectSameResults(model, Inputs(NoiseTensor({2, 24, 9, 7})), kPass, kTolerance);
}

TEST(BlockedLayoutTest, AFirstLayerOfFewChannelsReadsItsInputAsItIs) {
  ModelBuilder model = WithInput(3);
  AddConv(model, "x", "y", 3, 19, 3);
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kPass)), (Names{"wnn.Conv", "wnn.FromBlocked"}));
  for (int64_t width : {1, 4, 13}) {
    ExpectSameResults(model, Inputs(NoiseTensor({2, 3, 5, width})), kPass, kTolerance);
  }
}

TEST(BlockedLayoutTest, EveryKindOfConvolution) {
  struct Case {
    int64_t in, out, kernel, groups;
  };
  const Case cases[] = {
      {16, 16, 1, 1}, {17, 31, 3, 1}, {40, 40, 3, 40}, {40, 40, 5, 40},
      {32, 48, 3, 2}, {32, 32, 3, 8}, {64, 64, 3, 32}, {32, 64, 3, 32},
      {12, 18, 3, 3}, {48, 96, 1, 3}, {20, 20, 7, 1},  {64, 64, 3, 1},
  };
  for (const Case& c : cases) {
    ModelBuilder model = WithInput(c.in);
    AddConv(model, "x", "y", c.in, c.out, c.kernel, c.groups);
    model.Output("y");
    const Names ops = OpNames(AfterPasses(model, kPass));
    EXPECT_EQ(ops.size(), 3u) << c.in << " -> " << c.out << " in " << c.groups;
    for (int64_t size : {5, 14}) {
      ExpectSameResults(model, Inputs(NoiseTensor({2, c.in, size, size + 1})), kPass, 2e-4f);
    }
  }
}

TEST(BlockedLayoutTest, StridesDilationsAndOddPadding) {
  ModelBuilder model = WithInput(20);
  AddNoise(model, "w", {36, 20, 3, 2});
  model.Node(
      "Conv", {"x", "w"}, {"y"},
      {Attr("strides", std::vector<int64_t>{2, 3}), Attr("dilations", std::vector<int64_t>{2, 1}),
       Attr("pads", std::vector<int64_t>{0, 1, 3, 0})});
  model.Output("y");
  ExpectSameResults(model, Inputs(NoiseTensor({1, 20, 11, 12})), kPass, kTolerance);
  ModelBuilder same = WithInput(20);
  AddNoise(same, "w", {36, 20, 4, 4});
  same.Node("Conv", {"x", "w"}, {"y"},
            {Attr("auto_pad", "SAME_LOWER"), Attr("strides", std::vector<int64_t>{3, 2})});
  same.Output("y");
  ExpectSameResults(same, Inputs(NoiseTensor({1, 20, 11, 12})), kPass, kTolerance);
}

TEST(BlockedLayoutTest, AConvolutionWithComputedWeightsStays) {
  ModelBuilder model = WithInput(16);
  model.Input("w", DType::kFloat, {16, 16, 1, 1});
  model.Node("Conv", {"x", "w"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kPass)), Names{"Conv"});
}

TEST(BlockedLayoutTest, ElementwiseOperatorsFollow) {
  ModelBuilder model = WithInput(24);
  AddConv(model, "x", "a", 24, 24, 3);
  AddNoise(model, "slope", {24, 1, 1}, 31);
  AddNoise(model, "shift", {1, 24, 1, 1}, 32);
  model.Initializer<float>("two", {}, {2});
  model.Node("PRelu", {"a", "slope"}, {"b"});
  model.Node("Add", {"shift", "b"}, {"c"});
  model.Node("Div", {"c", "two"}, {"d"});
  model.Node("Sigmoid", {"d"}, {"e"});
  model.Node("Mul", {"d", "e"}, {"f"});
  model.Node("Sub", {"f", "x"}, {"g"});  // x is not blocked: a reorder
  model.Node("GlobalAveragePool", {"g"}, {"means"});
  model.Node("Mul", {"g", "means"}, {"y"});  // squeeze and excite
  model.Output("y");
  const Names ops = OpNames(AfterPasses(model, kPass));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "wnn.ToBlocked"), 1);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "wnn.FromBlocked"), 1);
  EXPECT_EQ(ops.back(), "wnn.FromBlocked");
  ExpectSameResults(model, Inputs(NoiseTensor({2, 24, 5, 6})), kPass, kTolerance);
}

TEST(BlockedLayoutTest, OperandsAlongOtherAxesNeedTheOldLayout) {
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 16, 1);
  AddNoise(model, "row", {6}, 33);
  model.Node("Add", {"a", "row"}, {"y"});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, kPass)),
            (Names{"wnn.ToBlocked", "wnn.Conv", "wnn.FromBlocked", "Add"}));
  ExpectSameResults(model, Inputs(NoiseTensor({2, 16, 5, 6})), kPass, kTolerance);
}

TEST(BlockedLayoutTest, AChannelShuffleIsOneNode) {
  for (const std::vector<int64_t>& perm :
       {std::vector<int64_t>{0, 2, 1, 3, 4}, std::vector<int64_t>{0, 2, 1, 4, 3}}) {
    ModelBuilder model;
    model.Input("x", DType::kFloat, {"N", 24, 6, 6});
    AddConv(model, "x", "a", 24, 60, 1, 3);
    model.Initializer<int64_t>("apart", {5}, {-1, 3, 20, 6, 6});
    model.Initializer<int64_t>("together", {4}, {-1, 60, 6, 6});
    model.Node("Reshape", {"a", "apart"}, {"b"});
    model.Node("Transpose", {"b"}, {"c"}, {Attr("perm", perm)});
    model.Node("Reshape", {"c", "together"}, {"d"});
    AddConv(model, "d", "y", 60, 60, 3, 60);
    model.Output("y");
    const Names names = OpNames(AfterPasses(model, kPass));
    if (perm[3] == 3) {
      EXPECT_EQ(names, (Names{"wnn.ToBlocked", "wnn.Conv", "wnn.ShuffleChannels", "wnn.Conv",
                              "wnn.FromBlocked"}));
    } else {
      EXPECT_EQ(std::count(names.begin(), names.end(), "Transpose"), 1);
    }
    ExpectSameResults(model, Inputs(NoiseTensor({2, 24, 6, 6})), kPass, kTolerance);
  }
}

TEST(BlockedLayoutTest, ConcatenationsOfWholeBlocksWithAnyLastPart) {
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 32, 1);
  AddConv(model, "x", "b", 16, 16, 3);
  AddConv(model, "x", "c", 16, 5, 1);
  model.Node("Concat", {"a", "b", "c"}, {"d"}, {Attr("axis", 1)});
  model.Node("Concat", {"d", "a"}, {"e"}, {Attr("axis", -3)});  // 53 channels first: not blocked
  AddConv(model, "e", "y", 85, 7, 1);
  model.Output("y");
  for (int64_t batch : {1, 2}) {
    ExpectSameResults(model, Inputs(NoiseTensor({batch, 16, 6, 6})), kPass, 2e-4f);
  }
}

TEST(BlockedLayoutTest, Normalisations) {
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 21, 1);
  model.Node("Relu", {"a"}, {"b"});
  for (const char* name : {"scale", "shift", "mean"}) AddNoise(model, name, {21}, 41);
  model.Initializer<float>("variance", {21}, std::vector<float>(21, 0.3f));
  model.Node("BatchNormalization", {"b", "scale", "shift", "mean", "variance"}, {"c"});
  model.Node("LRN", {"c"}, {"d"}, {Attr("size", 5), Attr("alpha", 0.2f)});
  model.Node("LRN", {"d"}, {"e"}, {Attr("size", 4), Attr("beta", 0.6f), Attr("bias", 2.0f)});
  model.Node("LRN", {"e"}, {"y"}, {Attr("size", 33), Attr("beta", 0.5f), Attr("alpha", 3.0f)});
  model.Output("y");
  const Names ops = OpNames(AfterPasses(model, kPass));
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "wnn.LRN"), 3);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "wnn.ScaleShift"), 1);
  ExpectSameResults(model, Inputs(NoiseTensor({2, 16, 6, 7})), kPass, kTolerance);
}

TEST(BlockedLayoutTest, PoolsAndTheirEdges) {
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 24, 1);
  model.Node("AveragePool", {"a"}, {"b"},
             {Attr("kernel_shape", std::vector<int64_t>{3, 3}), Attr("pads", Same(3)),
              Attr("count_include_pad", 1), Attr("ceil_mode", 1),
              Attr("strides", std::vector<int64_t>{2, 2})});
  model.Node("MaxPool", {"b"}, {"c"},
             {Attr("kernel_shape", std::vector<int64_t>{2, 2}), Attr("auto_pad", "SAME_UPPER")});
  model.Output("c");
  ExpectSameResults(model, Inputs(NoiseTensor({2, 16, 8, 7})), kPass, kTolerance);
}

TEST(BlockedLayoutTest, APoolOverTheWholeMapIsGlobal) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 16, 5, 4});
  AddConv(model, "x", "a", 16, 20, 1);
  model.Node("AveragePool", {"a"}, {"b"}, {Attr("kernel_shape", std::vector<int64_t>{5, 4})});
  model.Node("Flatten", {"b"}, {"y"});
  model.Output("y");
  EXPECT_EQ(
      OpNames(AfterPasses(model, kPass)),
      (Names{"wnn.ToBlocked", "wnn.Conv", "wnn.GlobalAveragePool", "wnn.FromBlocked", "Flatten"}));
  ExpectSameResults(model, Inputs(NoiseTensor({3, 16, 5, 4})), kPass, kTolerance);
}

TEST(BlockedLayoutTest, ABatchOfNothing) {
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 24, 3);
  model.Node("GlobalAveragePool", {"a"}, {"y"});
  model.Output("y");
  ExpectSameResults(model, Inputs(NoiseTensor({0, 16, 8, 7})), kPass, 0);
}

TEST(BlockedLayoutTest, WhoAsksForAShapeGetsItsValueToo) {
  ModelBuilder model = WithInput(16);
  AddConv(model, "x", "a", 16, 24, 1);
  model.Node("Shape", {"a"}, {"s"});
  model.Node("Cast", {"s"}, {"y"}, {Attr("to", 1)});
  model.Output("y");
  auto values = ExpectSameResults(model, Inputs(NoiseTensor({2, 16, 8, 7})), kPass, 0);
  ASSERT_EQ(values.size(), 1u);
  EXPECT_EQ(values[0], (std::vector<float>{2, 24, 8, 7}));
}

TEST(BlockedLayoutTest, ModelsCannotNameItsOperators) {
  ModelBuilder model = WithInput(16);
  model.Node("ToBlocked", {"x"}, {"y"}, {}, "mine", "wnn");
  model.Output("y");
  auto loaded = engine::Model::Load(model.Build(), {});
  ASSERT_FALSE(loaded.has_value());
}

}  // namespace
}  // namespace wnn::optimizer
