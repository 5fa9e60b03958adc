#include "engine/optimizer/optimizer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/frontend/importer.h"
#include "engine/ops/op_context.h"
#include "engine/testing/model_builder.h"

namespace wnn::optimizer {
namespace {

using testing::Attr;
using testing::ModelBuilder;

class RecordingLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Log(LogLevel, std::string_view message) override { text += std::string(message) + "\n"; }
  std::string text;
};

graph::Graph Optimized(const ModelBuilder& builder, std::vector<std::string> disabled = {},
                       Logger* log = nullptr) {
  NullLogger null_log;
  Logger& logger = log != nullptr ? *log : null_log;
  auto model = frontend::ImportModel(builder.Build(), {}, logger);
  EXPECT_TRUE(model.has_value()) << model.error().message();
  EXPECT_TRUE(ops::InferGraph(model->graph).ok());
  Status status = Optimize(model->graph, disabled, {}, {}, logger);
  EXPECT_TRUE(status.ok()) << status.message();
  return std::move(model->graph);
}

std::vector<std::string> OpTypes(const graph::Graph& graph) {
  std::vector<std::string> types;
  for (const graph::Node& node : graph.nodes()) types.push_back(node.op_type);
  return types;
}

TEST(OptimizerTest, FoldsWhatDependsOnConstantsAlone) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N", 2});
  builder.Initializer<float>("a", {2}, {1, 2});
  builder.Initializer<float>("b", {2}, {3, 4});
  builder.Node("Mul", {"a", "b"}, {"ab"});
  builder.Node("Exp", {"ab"}, {"e"});
  builder.Node("Add", {"x", "e"}, {"y"});
  builder.Output("y");
  graph::Graph graph = Optimized(builder);
  EXPECT_EQ(OpTypes(graph), std::vector<std::string>{"Add"});
  EXPECT_TRUE(graph.fact(graph.node(0).inputs[1]).constant != nullptr);
  EXPECT_EQ(OpTypes(Optimized(builder, {"fold-constants"})).size(), 3u);
}

TEST(OptimizerTest, KnownShapesAreConstants) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {4, 2});
  builder.Node("Shape", {"x"}, {"s"});
  builder.Node("Reshape", {"x", "s"}, {"y"});
  builder.Output("y");
  EXPECT_EQ(OpTypes(Optimized(builder)), std::vector<std::string>{"Reshape"});
}

TEST(OptimizerTest, DoesNotFoldWhatWouldBeHuge) {
  ModelBuilder builder;
  builder.Initializer<int64_t>("shape", {1}, {1 << 25});
  builder.Node("ConstantOfShape", {"shape"}, {"y"});
  builder.Output("y");
  EXPECT_EQ(OpTypes(Optimized(builder)), std::vector<std::string>{"ConstantOfShape"});
}

TEST(OptimizerTest, FoldsWeightsOfAnySize) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {"N", 4096});
  builder.Initializer<int64_t>("shape", {2}, {4096, 2048});  // 32 MiB
  builder.Node("ConstantOfShape", {"shape"}, {"w"});
  builder.Node("MatMul", {"x", "w"}, {"y"});
  builder.Output("y");
  EXPECT_EQ(OpTypes(Optimized(builder, {"packed-gemm"})), std::vector<std::string>{"MatMul"});
}

TEST(OptimizerTest, RemovesIdentityAndDropout) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {2});
  builder.Node("Identity", {"x"}, {"a"});
  builder.Node("Dropout", {"a"}, {"b"});
  builder.Node("Relu", {"b"}, {"c"});
  builder.Node("Identity", {"c"}, {"y"});
  builder.Output("y");
  graph::Graph graph = Optimized(builder);
  EXPECT_EQ(OpTypes(graph), std::vector<std::string>{"Relu"});
  EXPECT_EQ(graph.node(0).inputs, graph.inputs);
  EXPECT_EQ(graph.node(0).outputs, graph.outputs);
}

TEST(OptimizerTest, KeepsADropoutWhoseMaskIsRead) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {2});
  builder.Node("Dropout", {"x"}, {"y", "mask"});
  builder.Output("y");
  builder.Output("mask");
  EXPECT_EQ(OpTypes(Optimized(builder)), std::vector<std::string>{"Dropout"});
}

TEST(OptimizerTest, RemovesWhatNoOutputNeeds) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {2});
  builder.Initializer<float>("w", {2}, {1, 2});
  builder.Node("Relu", {"x"}, {"y"});
  builder.Node("Add", {"y", "w"}, {"unused"});
  builder.Output("y");
  graph::Graph graph = Optimized(builder);
  EXPECT_EQ(OpTypes(graph), std::vector<std::string>{"Relu"});
  for (const graph::Fact& fact : graph.facts()) EXPECT_EQ(fact.constant, nullptr);
}

TEST(OptimizerTest, SaysWhatItDidAndWhy) {
  ModelBuilder builder;
  builder.Input("x", DType::kFloat, {2});
  builder.Node("Identity", {"x"}, {"a"}, {}, "copy");
  builder.Node("Relu", {"a"}, {"y"});
  builder.Output("y");
  RecordingLogger log;
  Optimized(builder, {}, &log);
  EXPECT_NE(log.text.find("remove-identity: node 'copy' (Identity): its readers read its input"),
            std::string::npos)
      << log.text;
}

}  // namespace
}  // namespace wnn::optimizer
