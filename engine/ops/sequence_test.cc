// Operators on sequences and optionals.
#include <gtest/gtest.h>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::RunValues;
using testing::Strings;
using testing::ValuesOf;
using testing::WireWriter;

using Floats = std::vector<float>;
using Ints = std::vector<int64_t>;

Value Float(std::vector<float> values) {
  const int64_t n = static_cast<int64_t>(values.size());
  return Value(MakeTensor<float>({n}, values));
}

// x and z are floats, i a position; runs the nodes that `build` adds and returns output "y".
template <typename Build>
Result<Value> RunNodes(Build build, std::vector<float> x, std::vector<float> z, int64_t i) {
  ModelBuilder model(18);
  model.Input("x", DType::kFloat, {"N"});
  model.Input("z", DType::kFloat, {"M"});
  model.Input("i", DType::kInt64, {});
  build(model);
  model.Output("y");
  WNN_ASSIGN_OR_RETURN(
      auto outputs,
      RunValues(model.Build(), {Float(x), Float(z), Value(MakeTensor<int64_t>({}, {i}))}));
  return outputs[0];
}

Floats FloatsOf(const Result<Value>& value) {
  EXPECT_TRUE(value.has_value()) << value.error().message();
  if (!value || value->tensor() == nullptr) return {};
  return ValuesOf<float>(*value->tensor());
}

TEST(SequenceTest, InsertsErasesAndCounts) {
  auto insert = [](ModelBuilder& model) {
    model.Node("SequenceConstruct", {"x", "x"}, {"s"});
    model.Node("SequenceInsert", {"s", "z", "i"}, {"t"});
    model.Node("ConcatFromSequence", {"t"}, {"y"}, {Attr("axis", 0)});
  };
  EXPECT_EQ(FloatsOf(RunNodes(insert, {1}, {2}, 1)), (Floats{1, 2, 1}));
  EXPECT_EQ(FloatsOf(RunNodes(insert, {1}, {2}, 2)), (Floats{1, 1, 2}));
  EXPECT_EQ(FloatsOf(RunNodes(insert, {1}, {2}, -2)), (Floats{2, 1, 1}));
  EXPECT_FALSE(RunNodes(insert, {1}, {2}, 3).has_value());
  auto erase = [](ModelBuilder& model) {
    model.Node("SequenceConstruct", {"x", "z"}, {"s"});
    model.Node("SequenceErase", {"s", "i"}, {"t"});
    model.Node("SequenceErase", {"t"}, {"u"});
    model.Node("SequenceEmpty", {}, {"e"});
    model.Node("SequenceInsert", {"e", "x"}, {"f"});
    model.Node("SequenceLength", {"u"}, {"n"});
    model.Node("SequenceAt", {"f", "n"}, {"y"});
  };
  EXPECT_EQ(FloatsOf(RunNodes(erase, {1}, {2}, -1)), (Floats{1}));
  EXPECT_FALSE(RunNodes(erase, {1}, {2}, 2).has_value());
}

TEST(SequenceTest, SplitsAndJoins) {
  auto ones = [](ModelBuilder& model) {
    model.Node("SplitToSequence", {"x"}, {"s"}, {Attr("keepdims", 0)});
    model.Node("ConcatFromSequence", {"s"}, {"y"}, {Attr("axis", 0), Attr("new_axis", 1)});
  };
  EXPECT_EQ(FloatsOf(RunNodes(ones, {1, 2, 3}, {}, 0)), (Floats{1, 2, 3}));
  auto parts = [](ModelBuilder& model) {
    model.Node("SplitToSequence", {"x", "i"}, {"s"});
    model.Initializer<int64_t>("last", {}, {-1});
    model.Node("SequenceAt", {"s", "last"}, {"y"});
  };
  EXPECT_EQ(FloatsOf(RunNodes(parts, {1, 2, 3, 4, 5}, {}, 2)), (Floats{5}));
  EXPECT_FALSE(RunNodes(parts, {1}, {}, 0).has_value());
  auto lengths = [](ModelBuilder& model) {
    model.Initializer<int64_t>("lengths", {3}, {1, 0, 2});
    model.Node("SplitToSequence", {"x", "lengths"}, {"s"});
    model.Node("SequenceAt", {"s", "i"}, {"y"});
  };
  EXPECT_EQ(FloatsOf(RunNodes(lengths, {1, 2, 3}, {}, 2)), (Floats{2, 3}));
  EXPECT_FALSE(RunNodes(lengths, {1, 2}, {}, 0).has_value());
  auto mismatch = [](ModelBuilder& model) {
    model.Node("SequenceConstruct", {"x", "z"}, {"s"});
    model.Node("ConcatFromSequence", {"s"}, {"y"}, {Attr("axis", 0), Attr("new_axis", 1)});
  };
  EXPECT_FALSE(RunNodes(mismatch, {1, 2}, {1}, 0).has_value());
  auto other_rank = [](ModelBuilder& model) {
    model.Initializer<float>("square", {2, 2}, {1, 2, 3, 4});
    model.Node("SequenceConstruct", {"x", "square"}, {"s"});
    model.Node("ConcatFromSequence", {"s"}, {"y"}, {Attr("axis", 1), Attr("new_axis", 1)});
  };
  EXPECT_FALSE(RunNodes(other_rank, {1, 2}, {}, 0).has_value());
}

TEST(SequenceTest, TensorsAreNoSequences) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {1});
  model.Node("SequenceLength", {"x"}, {"y"}, {}, "count");
  model.Output("y");
  auto loaded = engine::Model::Load(model.Build(), {});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_NE(loaded.error().message().find("node 'count'"), std::string_view::npos);

  ModelBuilder reverse;
  reverse.Input("x", DType::kFloat, {1});
  reverse.Node("SequenceConstruct", {"x"}, {"s"});
  reverse.Node("Relu", {"s"}, {"y"}, {}, "relu");
  reverse.Output("y");
  loaded = engine::Model::Load(reverse.Build(), {});
  ASSERT_FALSE(loaded.has_value());
  EXPECT_EQ(loaded.error().code(), Code::kInvalidArgument);
  EXPECT_NE(loaded.error().message().find("seq(float"), std::string_view::npos);
}

// ValueInfoProto of optional(seq(tensor(float))) or seq(tensor(float)).
WireWriter ContainerInfo(std::string_view name, bool optional) {
  WireWriter tensor, sequence, type;
  tensor.Message(1, WireWriter().Varint(1, 1));
  sequence.Message(4, WireWriter().Message(1, tensor));
  type = sequence;
  if (optional) type = WireWriter().Message(9, WireWriter().Message(1, sequence));
  return WireWriter().Bytes(1, name).Message(2, type);
}

TEST(OptionalTest, HasAnElementOrNot) {
  ModelBuilder model(18);
  model.graph().Message(11, ContainerInfo("o", true));
  model.Node("OptionalHasElement", {"o"}, {"has"});
  model.Output("has");
  for (bool has : {true, false}) {
    Optional optional;
    if (has) optional.value = Value(std::move(*Sequence::Make(nullptr, {Float({1})})));
    auto outputs = RunValues(model.Build(), {Value(std::move(optional))});
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
    EXPECT_EQ(ValuesOf<bool>(*outputs->at(0).tensor()), std::vector<bool>{has});
  }
  EXPECT_EQ(RunValues(model.Build(), {Float({1})}).error().code(), Code::kInvalidArgument);
}

TEST(OptionalTest, WrapsAndUnwraps) {
  ModelBuilder model(18);
  model.graph().Message(11, ContainerInfo("s", false));
  model.Node("Optional", {"s"}, {"o"});
  model.Node("OptionalGetElement", {"o"}, {"t"});
  model.Node("Identity", {"t"}, {"y"});
  model.graph().Message(12, ContainerInfo("y", false));
  Value list(std::move(*Sequence::Make(nullptr, {Float({1}), Float({2, 3})})));
  auto outputs = RunValues(model.Build(), {list});
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  ASSERT_NE(outputs->at(0).sequence(), nullptr);
  ASSERT_EQ(outputs->at(0).sequence()->elements.size(), 2u);
  EXPECT_EQ(ValuesOf<float>(*outputs->at(0).sequence()->elements[1].tensor()), (Floats{2, 3}));
  Value wrong(std::move(*Sequence::Make(nullptr, {Strings({1}, {"a"})})));
  EXPECT_EQ(RunValues(model.Build(), {wrong}).error().code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace wnn::ops
