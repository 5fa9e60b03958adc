#include "engine/optimizer/twins.h"

#include <gtest/gtest.h>

#include "engine/ops/registry.h"
#include "engine/testing/pass_test.h"

namespace wnn::optimizer {
namespace {

using graph::Fact;
using graph::kNoValue;
using graph::NodeId;
using graph::ValueId;
using testing::ModelBuilder;

NewNode Node(std::string_view op) { return {ops::FindOp("", op, 13), 13, {}, {}, {}}; }

// The other form of a number is its negative.
constexpr Twins::Form kNegative = {
    .name = "negative",
    .to = [](const Fact&) { return Node("Neg"); },
    .from = [](const Fact&) { return Node("Neg"); },
};

class TwinsTest : public ::testing::Test {
 protected:
  // a = Relu(x), b = Abs(a), y = Exp(b).
  TwinsTest() {
    ModelBuilder builder;
    builder.Input("x", DType::kFloat, {2});
    builder.Node("Relu", {"x"}, {"a"});
    builder.Node("Abs", {"a"}, {"b"});
    builder.Node("Exp", {"b"}, {"y"});
    builder.Output("y");
    graph = testing::AfterPasses(builder, {});
  }

  ValueId Named(std::string_view name) const {
    for (ValueId id = 0; id < static_cast<ValueId>(graph.n_values()); ++id) {
      if (graph.value(id).name == name) return id;
    }
    return kNoValue;
  }
  // The operator that computes a value, and its input; nothing for what nobody computes.
  std::string Producer(ValueId id) const {
    const NodeId node = graph.value(id).producer;
    if (node == graph::kNoNode) return "";
    return std::string(graph.node(node).op->name) + " " +
           graph.value(graph.node(node).inputs[0]).name;
  }

  graph::Graph graph;
  const Limits limits;
  const StopCondition stop;
  NullLogger log;
  PassContext context{graph, limits, stop, log, "test"};
};

TEST_F(TwinsTest, AValueOutsideIsConvertedOnce) {
  Twins twins(context, kNegative);
  const ValueId x = Named("x"), a = Named("a");
  auto twin = twins.Get(x);
  ASSERT_TRUE(twin.has_value()) << twin.error().message();
  EXPECT_EQ(Producer(*twin), "Neg x");
  EXPECT_EQ(graph.fact(*twin).ToString(), graph.fact(x).ToString());
  EXPECT_EQ(*twins.Get(x), *twin);
  EXPECT_EQ(twins.Find(x), *twin);
  EXPECT_FALSE(twins.IsInside(x));
  EXPECT_EQ(twins.Find(a), kNoValue);
  EXPECT_FALSE(twins.IsInside(a));
}

TEST_F(TwinsTest, WhatIsInsideIsConvertedBackWhereItIsRead) {
  Twins twins(context, kNegative);
  const ValueId x = Named("x"), a = Named("a"), b = Named("b"), y = Named("y");
  for (const auto& [value, input] : {std::pair(a, x), std::pair(b, a)}) {
    auto twin = twins.Get(input);
    ASSERT_TRUE(twin.has_value());
    NewNode node = Node("Softplus");
    node.inputs = {*twin};
    ASSERT_TRUE(twins.Replace(graph.value(value).producer, std::move(node), "moves").ok());
    EXPECT_TRUE(twins.IsInside(value));
  }
  EXPECT_EQ(context.n_rewrites(), 2);
  EXPECT_EQ(Producer(twins.Find(b)), "Softplus a/negative");
  EXPECT_EQ(Producer(b), "");
  ASSERT_TRUE(twins.ConvertBack().ok());
  EXPECT_EQ(Producer(y), "Exp b");
  EXPECT_EQ(Producer(b), "Neg b/negative");
  EXPECT_EQ(Producer(a), "");  // which only b read
  EXPECT_EQ(Producer(x), "");  // a copy's source is what it was
}

}  // namespace
}  // namespace wnn::optimizer
