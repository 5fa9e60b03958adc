// The model's own functions: their calls become their bodies.
#include <gtest/gtest.h>

#include "engine/testing/run_model.h"

namespace wnn::frontend {
namespace {

using testing::Attr;
using testing::Inputs;
using testing::MakeTensor;
using testing::ModelBuilder;
using testing::NodeMessage;
using testing::RefAttr;
using testing::RunModel;
using testing::ValuesOf;
using testing::WireWriter;

using Floats = std::vector<float>;
constexpr int kFloatType = 1;

WireWriter Function(std::string_view name, const std::vector<std::string>& inputs,
                    const std::vector<std::string>& outputs, const std::vector<WireWriter>& nodes) {
  WireWriter function;
  function.Bytes(1, name).Bytes(10, "my.domain");
  for (const std::string& input : inputs) function.Bytes(4, input);
  for (const std::string& output : outputs) function.Bytes(5, output);
  for (const WireWriter& node : nodes) function.Message(7, node);
  for (const char* domain : {"", "my.domain"}) {
    function.Message(9, WireWriter().Bytes(1, domain).Varint(2, domain[0] == 0 ? 13 : 1));
  }
  return function;
}

// leaky(x, alpha = 0.5) = LeakyRelu(x)
WireWriter Leaky() {
  WireWriter function =
      Function("leaky", {"x"}, {"y"},
               {NodeMessage("LeakyRelu", {"x"}, {"y"}, {RefAttr("alpha", "slope", kFloatType)})});
  WireWriter slope;
  slope.Bytes(1, "slope").Float(2, 0.5f).Varint(20, kFloatType);
  return function.Message(11, slope);
}

ModelBuilder NewModel() {
  ModelBuilder model;
  model.Import("my.domain", 1);
  model.Input("x", DType::kFloat, {"N"});
  return model;
}

TEST(FunctionTest, CallsBecomeBodies) {
  ModelBuilder model = NewModel();
  model.Function(Leaky());
  model.Node("leaky", {"x"}, {"a"}, {}, "one", "my.domain");
  model.Node("leaky", {"a"}, {"y"}, {Attr("slope", 0.1f)}, "two", "my.domain");
  model.Output("a");
  model.Output("y");
  auto outputs = RunModel(model.Build(), Inputs(MakeTensor<float>({2}, {-4, 2})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<float>(outputs->at(0)), (Floats{-2, 2}));
  EXPECT_EQ(ValuesOf<float>(outputs->at(1)), (Floats{-0.2f, 2}));
}

TEST(FunctionTest, FunctionsCallFunctionsAndHandOnWhatTheyGet) {
  // twice(x, slope) -> leaky(leaky(x)), x, left out: the parameter goes on by reference.
  ModelBuilder model = NewModel();
  model.Function(Leaky());
  WireWriter twice = Function(
      "twice", {"x", "unused"}, {"y", "x"},
      {NodeMessage("leaky", {"h"}, {"y"}, {RefAttr("slope", "s", kFloatType)}, "", "my.domain"),
       NodeMessage("leaky", {"x"}, {"h"}, {RefAttr("slope", "s", kFloatType)}, "", "my.domain")});
  model.Function(twice.Bytes(6, "s"));
  model.Node("twice", {"x"}, {"y", "same"}, {Attr("s", 0.25f)}, "", "my.domain");
  model.Node("twice", {"x"}, {"z"}, {}, "", "my.domain");  // leaky's own default
  for (const char* name : {"y", "same", "z"}) model.Output(name);
  auto outputs = RunModel(model.Build(), Inputs(MakeTensor<float>({2}, {-16, 2})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<float>(outputs->at(0)), (Floats{-1, 2}));
  EXPECT_EQ(ValuesOf<float>(outputs->at(1)), (Floats{-16, 2}));
  EXPECT_EQ(ValuesOf<float>(outputs->at(2)), (Floats{-4, 2}));
}

Status LoadError(const ModelBuilder& model, const engine::LoadOptions& options = {}) {
  auto loaded = engine::Model::Load(model.Build(), options);
  EXPECT_FALSE(loaded.has_value());
  return loaded ? Status() : std::move(loaded.error());
}

TEST(FunctionTest, RefusesRecursion) {
  ModelBuilder model = NewModel();
  model.Function(
      Function("a", {"x"}, {"y"}, {NodeMessage("b", {"x"}, {"y"}, {}, "", "my.domain")}));
  model.Function(
      Function("b", {"x"}, {"y"}, {NodeMessage("a", {"x"}, {"y"}, {}, "", "my.domain")}));
  model.Node("a", {"x"}, {"y"}, {}, "call", "my.domain");
  model.Output("y");
  const Status status = LoadError(model);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("node 'call'"), std::string_view::npos) << status.message();
  EXPECT_NE(status.message().find("calls itself"), std::string_view::npos) << status.message();
}

TEST(FunctionTest, ExpansionIsLimited) {
  // f0 calls f1 four times, f1 calls f2 four times, ...: 4^15 nodes.
  ModelBuilder model = NewModel();
  auto name = [](int i) { return "f" + std::to_string(i); };
  for (int i = 0; i < 15; ++i) {
    std::vector<WireWriter> nodes;
    for (int k = 0; k < 4; ++k) {
      const std::string from = k == 0 ? "x" : "v" + std::to_string(k - 1);
      const std::string to = k == 3 ? "y" : "v" + std::to_string(k);
      nodes.push_back(NodeMessage(i == 14 ? "Relu" : name(i + 1), {from}, {to}, {}, "",
                                  i == 14 ? "" : "my.domain"));
    }
    model.Function(Function(name(i), {"x"}, {"y"}, nodes));
  }
  model.Node("f0", {"x"}, {"y"}, {}, "", "my.domain");
  model.Output("y");
  engine::LoadOptions options;
  options.limits.max_nodes = 5000;
  EXPECT_EQ(LoadError(model, options).code(), Code::kTooLarge);
}

TEST(FunctionTest, RefusesWhatTheFunctionDoesNotHave) {
  ModelBuilder attribute = NewModel();
  attribute.Function(Leaky());
  attribute.Node("leaky", {"x"}, {"y"}, {Attr("beta", 0.1f)}, "call", "my.domain");
  attribute.Output("y");
  const Status status = LoadError(attribute);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("'beta'"), std::string_view::npos) << status.message();

  ModelBuilder inputs = NewModel();
  inputs.Function(Leaky());
  inputs.Node("leaky", {"x", "x"}, {"y"}, {}, "call", "my.domain");
  inputs.Output("y");
  EXPECT_EQ(LoadError(inputs).code(), Code::kInvalidArgument);

  ModelBuilder undefined = NewModel();
  undefined.Function(Function("f", {"x"}, {"y"}, {NodeMessage("Relu", {"x"}, {"z"})}));
  undefined.Node("f", {"x"}, {"y"}, {}, "call", "my.domain");
  undefined.Output("y");
  EXPECT_NE(LoadError(undefined).message().find("'y'"), std::string_view::npos);
}

}  // namespace
}  // namespace wnn::frontend
