#include "engine/graph/graph.h"

#include <gtest/gtest.h>

#include <numeric>

namespace wnn::graph {
namespace {

Fact Vector(int64_t n) { return Fact::Ranked(DType::kFloat, {KnownDim(n)}); }

Node MakeNode(std::string name, std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
  Node node;
  node.name = std::move(name);
  node.op_type = "Op";
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  return node;
}

TEST(GraphTest, SortsByDependencyAndOtherwiseKeepsTheOrder) {
  Graph graph;
  ValueId x = graph.AddValue("x", Vector(1)), a = graph.AddValue("a", {}),
          b = graph.AddValue("b", {}), c = graph.AddValue("c", {});
  graph.inputs = {x};
  graph.AddNode(MakeNode("needs a", {a}, {b}));
  graph.AddNode(MakeNode("free", {x}, {c}));
  graph.AddNode(MakeNode("makes a", {x}, {a}));
  ASSERT_TRUE(graph.SortAndCompact().ok());
  EXPECT_EQ(graph.node(0).name, "free");
  EXPECT_EQ(graph.node(1).name, "makes a");
  EXPECT_EQ(graph.node(2).name, "needs a");
  EXPECT_EQ(graph.value(a).producer, 1);
}

TEST(GraphTest, RemovedNodesGo) {
  Graph graph;
  ValueId x = graph.AddValue("x", Vector(1)), a = graph.AddValue("a", {});
  NodeId id = graph.AddNode(MakeNode("n", {x}, {a}));
  graph.RemoveNode(id);
  EXPECT_EQ(graph.value(a).producer, kNoNode);
  ASSERT_TRUE(graph.SortAndCompact().ok());
  EXPECT_EQ(graph.n_nodes(), 0u);
}

TEST(GraphTest, ReplacementsAreFollowedToTheirEnd) {
  Graph graph;
  ValueId x = graph.AddValue("x", Vector(1)), a = graph.AddValue("a", {}),
          b = graph.AddValue("b", {}), y = graph.AddValue("y", {});
  graph.AddNode(MakeNode("n", {b, kNoValue, x}, {y}));
  graph.outputs = {b, y};
  std::vector<ValueId> replacement(graph.n_values());
  std::iota(replacement.begin(), replacement.end(), 0);
  replacement[static_cast<size_t>(b)] = a;
  replacement[static_cast<size_t>(a)] = x;
  graph.ReplaceUses(replacement);
  EXPECT_EQ(graph.node(0).inputs, (std::vector<ValueId>{x, kNoValue, x}));
  EXPECT_EQ(graph.outputs, (std::vector<ValueId>{x, y}));
  EXPECT_EQ(graph.CountUses()[static_cast<size_t>(x)], 3);
}

TEST(FactTest, IsConcreteWithTypeAndEveryDimension) {
  EXPECT_TRUE(Vector(3).IsConcrete());
  EXPECT_FALSE(Fact::Unranked(DType::kFloat).IsConcrete());
  EXPECT_FALSE(Fact::Ranked(DType::kFloat, {UnknownDim()}).IsConcrete());
  EXPECT_FALSE(Fact::Ranked(DType::kUndefined, {KnownDim(1)}).IsConcrete());
  EXPECT_TRUE(Fact::Ranked(DType::kFloat, {}).IsConcrete());
}

TEST(FactTest, SameDimIsCertainOnly) {
  EXPECT_TRUE(SameDim(KnownDim(2), KnownDim(2)));
  EXPECT_FALSE(SameDim(KnownDim(2), UnknownDim()));
  EXPECT_FALSE(SameDim(UnknownDim(), UnknownDim()));
  EXPECT_TRUE(SameDim({-1, "N"}, {-1, "N"}));
  EXPECT_FALSE(SameDim({-1, "N"}, {-1, "M"}));
}

TEST(FactTest, SizesAreBounded) {
  EXPECT_TRUE(CheckSize(Vector(1000)).ok());
  EXPECT_EQ(CheckSize(Vector(kMaxExtent + 1)).code(), Code::kTooLarge);
  EXPECT_EQ(CheckSize(Fact::Ranked(DType::kFloat, std::vector<Dim>(kMaxRank + 1))).code(),
            Code::kTooLarge);
  EXPECT_EQ(CheckSize(Fact::Concrete(DType::kFloat, Shape{kMaxExtent, kMaxExtent})).code(),
            Code::kTooLarge);
}

TEST(AttributesTest, ReadsByNameAndType) {
  Attributes attributes;
  ASSERT_TRUE(attributes.Add("i", int64_t{3}));
  ASSERT_TRUE(attributes.Add("f", 0.5f));
  ASSERT_TRUE(attributes.Add("ints", std::vector<int64_t>{1, 2}));
  EXPECT_FALSE(attributes.Add("i", int64_t{4}));
  EXPECT_EQ(*attributes.Int("i", 0), 3);
  EXPECT_EQ(*attributes.Int("absent", 7), 7);
  EXPECT_EQ(*attributes.Float("f", 0), 0.5f);
  EXPECT_EQ(attributes.Ints("ints")->size(), 2u);
  EXPECT_TRUE(attributes.Ints("absent")->empty());
  EXPECT_EQ(attributes.Int("f", 0).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(attributes.RequiredInt("absent").error().code(), Code::kInvalidArgument);
}

TEST(NodeLabelTest, NamesTheNodeOrItsOutput) {
  Graph graph;
  ValueId y = graph.AddValue("y", {});
  EXPECT_EQ(NodeLabel(graph, MakeNode("n", {}, {y})), "node 'n' (Op)");
  EXPECT_EQ(NodeLabel(graph, MakeNode("", {}, {kNoValue, y})), "the node of value 'y' (Op)");
}

}  // namespace
}  // namespace wnn::graph
