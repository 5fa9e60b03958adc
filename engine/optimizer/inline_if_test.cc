#include <gtest/gtest.h>

#include "engine/testing/pass_test.h"

namespace wnn::optimizer {
namespace {

using testing::AfterPasses;
using testing::ExpectSameResults;
using testing::GraphAttr;
using testing::Inputs;
using testing::ModelBuilder;
using testing::NoiseTensor;
using testing::OpNames;

using Names = std::vector<std::string>;

// y, z = x has two dimensions ? (relu(x) + x, x) : (-x, -x), with a second If in the first branch.
ModelBuilder RankTest(int64_t rank) {
  ModelBuilder deep, inner, other, model;
  deep.Node("Relu", {"x"}, {"r"});
  deep.Output("r");
  other.Node("Neg", {"x"}, {"n"});
  other.Output("n");
  inner.Node("If", {"yes"}, {"d"},
             {GraphAttr("then_branch", deep), GraphAttr("else_branch", other)});
  inner.Node("Add", {"d", "x"}, {"s"});
  inner.Output("s");
  inner.Output("x");
  other.Output("n");
  model.Input("x", DType::kFloat, {2, 3});
  model.Initializer<bool>("yes", {}, {true});
  model.Initializer<int64_t>("rank", {}, {rank});
  model.Node("Shape", {"x"}, {"shape"});
  model.Node("Size", {"shape"}, {"size"});
  model.Node("Equal", {"size", "rank"}, {"is_matrix"});
  model.Node("If", {"is_matrix"}, {"y", "z"},
             {GraphAttr("then_branch", inner), GraphAttr("else_branch", other)});
  model.Output("y");
  model.Output("z");
  return model;
}

TEST(InlineIfTest, BranchesTakeTheNodesPlace) {
  const std::vector<std::string> passes = {"fold-constants", "inline-if"};
  EXPECT_EQ(OpNames(AfterPasses(RankTest(2), passes)), (Names{"Identity", "Relu", "Add"}));
  ExpectSameResults(RankTest(2), Inputs(NoiseTensor({2, 3})), passes, 0);
  EXPECT_EQ(OpNames(AfterPasses(RankTest(3), passes)), (Names{"Neg", "Identity"}));
  ExpectSameResults(RankTest(3), Inputs(NoiseTensor({2, 3})), passes, 0);
}

TEST(InlineIfTest, StaysWhereTheConditionIsData) {
  ModelBuilder one, other, model;
  one.Node("Relu", {"x"}, {"r"});
  one.Output("r");
  other.Output("x");
  model.Input("x", DType::kFloat, {2});
  model.Node("ReduceSum", {"x"}, {"sum"}, {testing::Attr("keepdims", 0)});
  model.Node("Cast", {"sum"}, {"c"}, {testing::Attr("to", 9)});
  model.Node("If", {"c"}, {"y"}, {GraphAttr("then_branch", one), GraphAttr("else_branch", other)});
  model.Output("y");
  EXPECT_EQ(OpNames(AfterPasses(model, {"fold-constants", "inline-if"})).back(), "If");
}

}  // namespace
}  // namespace wnn::optimizer
