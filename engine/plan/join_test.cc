// Concatenations whose inputs are computed in their places, and plans that leave out what nobody
// reads.
#include <gtest/gtest.h>

#include "engine/testing/run_model.h"

namespace wnn::plan {
namespace {

using testing::Attr;
using testing::Inputs;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::RunModel;
using testing::ValuesOf;

// x is [N, 2]; so is every part.
ModelBuilder WithInput() {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 2});
  return model;
}

std::vector<std::vector<float>> OutputsOf(const ModelBuilder& model, Tensor x) {
  auto outputs = RunModel(model.Build(), Inputs(std::move(x)));
  EXPECT_TRUE(outputs.has_value()) << outputs.error().message();
  std::vector<std::vector<float>> values;
  if (!outputs) return values;
  for (const Tensor& output : *outputs) values.push_back(ValuesOf<float>(output));
  return values;
}

using Values = std::vector<std::vector<float>>;

TEST(JoinTest, PartsAreComputedInPlaceAndStayReadable) {
  ModelBuilder model = WithInput();
  model.Node("Neg", {"x"}, {"a"});
  model.Node("Abs", {"x"}, {"b"});
  model.Node("Concat", {"a", "b"}, {"y"}, {Attr("axis", 1)});
  model.Node("Relu", {"a"}, {"r"});  // could overwrite a, were it not part of y
  model.Output("y");
  model.Output("r");
  EXPECT_EQ(OutputsOf(model, MakeTensor<float>({1, 2}, {1, -2})), (Values{{-1, 2, 1, 2}, {0, 2}}));
  EXPECT_EQ(OutputsOf(model, MakeTensor<float>({2, 2}, {1, -2, 3, -4})),
            (Values{{-1, 2, 1, 2, -3, 4, 3, 4}, {0, 2, 0, 4}}));
}

TEST(JoinTest, JoinsOfJoins) {
  ModelBuilder model = WithInput();
  model.Node("Neg", {"x"}, {"a"});
  model.Node("Abs", {"x"}, {"b"});
  model.Node("Concat", {"a", "b"}, {"ab"}, {Attr("axis", 0)});
  model.Node("Relu", {"ab"}, {"r"});
  model.Node("Concat", {"b", "a"}, {"ba"}, {Attr("axis", 0)});  // both have places already
  model.Node("Concat", {"ab", "ba", "r"}, {"y"}, {Attr("axis", 0)});
  model.Output("y");
  EXPECT_EQ(OutputsOf(model, MakeTensor<float>({1, 2}, {1, -2})),
            (Values{{-1, 2, 1, 2, 1, 2, -1, 2, 0, 2, 1, 2}}));
}

TEST(JoinTest, InputsThatCannotMoveAreCopied) {
  ModelBuilder model = WithInput();
  model.Initializer<float>("c", {1, 2}, {7, 8});
  model.Node("Neg", {"x"}, {"a"});
  model.Node("Reshape", {"a", "shape"}, {"view"});
  model.Initializer<int64_t>("shape", {2}, {1, 2});
  model.Node("Concat", {"x", "a"}, {"with_input"}, {Attr("axis", 0)});
  model.Node("Concat", {"a", "c"}, {"with_constant"}, {Attr("axis", 0)});
  model.Node("Concat", {"a", "a"}, {"twice"}, {Attr("axis", 0)});
  model.Node("Concat", {"view", "a"}, {"with_view"}, {Attr("axis", 0)});
  for (const char* name : {"with_input", "with_constant", "twice", "with_view"}) model.Output(name);
  EXPECT_EQ(OutputsOf(model, MakeTensor<float>({1, 2}, {1, -2})),
            (Values{{1, -2, -1, 2}, {-1, 2, 7, 8}, {-1, 2, -1, 2}, {-1, 2, -1, 2}}));
}

TEST(JoinTest, ViewsOfPartsAndOfTheWhole) {
  ModelBuilder model = WithInput();
  model.Initializer<int64_t>("flat", {1}, {-1});
  model.Node("Neg", {"x"}, {"a"});
  model.Node("Abs", {"x"}, {"b"});
  model.Node("Concat", {"a", "b"}, {"ab"}, {Attr("axis", 0)});
  model.Node("Reshape", {"b", "flat"}, {"part"});
  model.Node("Reshape", {"ab", "flat"}, {"whole"});
  model.Node("Neg", {"part"}, {"y"});
  model.Output("y");
  model.Output("whole");
  model.Output("part");
  EXPECT_EQ(OutputsOf(model, MakeTensor<float>({1, 2}, {1, -2})),
            (Values{{-1, -2}, {-1, 2, 1, 2}, {1, 2}}));
}

TEST(JoinTest, PartsLiveFromTheFirstToTheLastUse) {
  // Many values in between tempt the arena to reuse the first part's place.
  ModelBuilder model = WithInput();
  model.Node("Neg", {"x"}, {"a"});
  std::string last = "x";
  for (int i = 0; i < 6; ++i) {
    const std::string next = "t" + std::to_string(i);
    model.Node("Add", {last, "x"}, {next});
    last = next;
  }
  model.Node("Concat", {"a", last}, {"y"}, {Attr("axis", 0)});
  model.Output("y");
  EXPECT_EQ(OutputsOf(model, MakeTensor<float>({1, 2}, {1, -2})), (Values{{-1, 2, 7, -14}}));
}

TEST(DropUnreadTest, WhoseShapeAloneIsAskedForIsNotComputed) {
  ModelBuilder model = WithInput();
  model.Node("Neg", {"x"}, {"a"});
  model.Node("Shape", {"a"}, {"s"});
  model.Node("Cast", {"s"}, {"y"}, {Attr("to", 1)});
  model.Output("y");
  EXPECT_EQ(OutputsOf(model, MakeTensor<float>({3, 2}, {1, 2, 3, 4, 5, 6})), (Values{{3, 2}}));
}

}  // namespace
}  // namespace wnn::plan
