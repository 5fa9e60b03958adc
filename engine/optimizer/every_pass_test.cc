// No pass changes what a model computes: small nets in which all of them find something to do give
// the same without any one of them, with any one alone and without all.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "engine/testing/pass_test.h"

namespace wnn::optimizer {
namespace {

using testing::AddNoise;
using testing::AllPassesBut;
using testing::Attr;
using testing::GraphAttr;
using testing::Inputs;
using testing::ModelBuilder;
using testing::Noise;
using testing::NoiseTensor;
using testing::RunModel;
using testing::ValuesOf;

using Names = std::vector<std::string>;

std::vector<int64_t> All(int64_t value, size_t n = 4) { return std::vector<int64_t>(n, value); }

void AddConv(ModelBuilder& model, const std::string& x, const std::string& y, int64_t in,
             int64_t out, int64_t kernel, int64_t groups = 1, int64_t stride = 1, bool pad = true) {
  AddNoise(model, y + "_w", {out, in / groups, kernel, kernel}, static_cast<uint32_t>(in + out));
  AddNoise(model, y + "_b", {out}, static_cast<uint32_t>(out));
  model.Node("Conv", {x, y + "_w", y + "_b"}, {y},
             {Attr("group", groups), Attr("pads", All(pad ? kernel / 2 : 0)),
              Attr("strides", All(stride, 2))},
             y);
}

void AddBatchNorm(ModelBuilder& model, const std::string& x, const std::string& y, int64_t n) {
  AddNoise(model, y + "_s", {n}, 5);
  AddNoise(model, y + "_o", {n}, 6);
  AddNoise(model, y + "_m", {n}, 8);
  std::vector<float> variance = Noise(static_cast<size_t>(n), 9);
  for (float& v : variance) v = 1.5f + v;
  model.Initializer<float>(y + "_v", {n}, variance);
  model.Node("BatchNormalization", {x, y + "_s", y + "_o", y + "_m", y + "_v"}, {y});
}

void AddRelu6(ModelBuilder& model, const std::string& x, const std::string& y) {
  model.Initializer<float>(y + "_min", {}, {0});
  model.Initializer<float>(y + "_max", {}, {6});
  model.Node("Clip", {x, y + "_min", y + "_max"}, {y});
}

// Preprocessing, stem, pooling, an inverted residual, a classifier.
ModelBuilder MobileNet() {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 3, 24, 24});
  model.Initializer<float>("scale", {1, 3, 1, 1}, {0.5f, 0.25f, 2});
  model.Initializer<float>("mean", {1, 3, 1, 1}, {0.125f, -0.5f, 0.25f});
  model.Node("Mul", {"x", "scale"}, {"scaled"});
  model.Node("Add", {"scaled", "mean"}, {"image"});
  AddConv(model, "image", "stem", 3, 16, 3, 1, 2);
  AddBatchNorm(model, "stem", "stem_bn", 16);
  AddRelu6(model, "stem_bn", "stem_act");
  model.Node("MaxPool", {"stem_act"}, {"pooled"},
             {Attr("kernel_shape", All(3, 2)), Attr("strides", All(1, 2)), Attr("pads", All(1))});
  AddConv(model, "pooled", "expand", 16, 48, 1);
  AddRelu6(model, "expand", "expand_act");
  AddConv(model, "expand_act", "depthwise", 48, 48, 3, 48);
  AddRelu6(model, "depthwise", "depthwise_act");
  AddConv(model, "depthwise_act", "project", 48, 16, 1);
  model.Node("Add", {"project", "pooled"}, {"sum"});
  AddConv(model, "sum", "head", 16, 40, 1);
  model.Node("Relu", {"head"}, {"head_act"});
  model.Node("GlobalAveragePool", {"head_act"}, {"mean_map"});
  model.Node("Identity", {"mean_map"}, {"same"});
  model.Node("Flatten", {"same"}, {"flat"});
  AddNoise(model, "fc_w", {10, 40});
  AddNoise(model, "fc_b", {10});
  model.Node("Gemm", {"flat", "fc_w", "fc_b"}, {"y"}, {Attr("transB", 1)});
  model.Output("y");
  return model;
}

// What ResNet, DenseNet and ShuffleNet have besides.
ModelBuilder Residual() {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 16, 13, 14});
  model.Initializer<float>("half", {}, {0.5f});
  model.Initializer<float>("two", {}, {2});
  model.Node("Mul", {"half", "two"}, {"one"});  // constant
  model.Node("Mul", {"x", "one"}, {"x1"});
  model.Initializer<int64_t>("pads", {8}, {0, 0, 1, 1, 0, 0, 1, 1});
  model.Node("Pad", {"x1", "pads"}, {"padded"});
  AddConv(model, "padded", "a", 16, 32, 3, 1, 1, false);
  AddConv(model, "x1", "b", 16, 32, 1);
  model.Node("Add", {"a", "b"}, {"sum"});
  model.Node("Relu", {"sum"}, {"act"});
  AddConv(model, "act", "c", 32, 24, 1, 4);
  model.Node("Concat", {"act", "c"}, {"both"}, {Attr("axis", 1)});
  AddBatchNorm(model, "both", "bn", 56);
  model.Node("Sigmoid", {"bn"}, {"gate"});
  model.Node("Mul", {"bn", "gate"}, {"silu"});
  model.Initializer<int64_t>("apart", {5}, {-1, 4, 14, 13, 14});
  model.Initializer<int64_t>("together", {4}, {-1, 56, 13, 14});
  model.Node("Reshape", {"silu", "apart"}, {"groups"});
  model.Node("Transpose", {"groups"}, {"swapped"},
             {Attr("perm", std::vector<int64_t>{0, 2, 1, 3, 4})});
  model.Node("Reshape", {"swapped", "together"}, {"shuffled"});
  AddConv(model, "shuffled", "strided", 56, 20, 3, 4, 2);
  AddNoise(model, "gain", {20, 1, 1}, 4);
  model.Node("Mul", {"strided", "gain"}, {"d"});
  model.Node("AveragePool", {"d"}, {"average"},
             {Attr("kernel_shape", All(2, 2)), Attr("strides", All(2, 2))});
  model.Node("Tanh", {"average"}, {"y"});
  model.Node("Neg", {"y"}, {"unread"});
  model.Output("y");
  return model;
}

// Matrix products and elementwise operators outside the blocked layout, and a branch that is always
// taken.
ModelBuilder Transformer() {
  ModelBuilder model, then_branch, else_branch;
  then_branch.Node("LeakyRelu", {"act"}, {"leaky"});
  then_branch.Output("leaky");
  else_branch.Node("Neg", {"act"}, {"negative"});
  else_branch.Output("negative");
  model.Input("x", DType::kFloat, {"N", 5, 24});
  AddNoise(model, "q_w", {24, 24}, 1);
  AddNoise(model, "q_b", {24}, 2);
  AddNoise(model, "k_w", {24, 24}, 3);
  model.Node("MatMul", {"x", "q_w"}, {"q0"});
  model.Node("Add", {"q0", "q_b"}, {"q"});
  model.Node("MatMul", {"x", "k_w"}, {"k"});
  model.Node("Transpose", {"k"}, {"kt"}, {Attr("perm", std::vector<int64_t>{0, 2, 1})});
  model.Node("MatMul", {"q", "kt"}, {"scores"});
  model.Node("Softmax", {"scores"}, {"p"}, {Attr("axis", -1)});
  model.Node("MatMul", {"p", "x"}, {"mixed"});
  model.Node("Add", {"mixed", "x"}, {"sum"});
  testing::AddLayerNorm(model, "sum", "normal", 24);
  testing::AddGelu(model, "normal", "gelu");
  model.Node("Relu", {"gelu"}, {"act"});
  model.Initializer<bool>("always", {}, {true});
  model.Node("If", {"always"}, {"y"},
             {GraphAttr("then_branch", then_branch), GraphAttr("else_branch", else_branch)});
  model.Output("y");
  return model;
}

// Bytes between floats.
ModelBuilder Quantized() {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 16, 9, 10});
  model.Initializer<float>("scale", {}, {1.0f / 64});
  model.Initializer<uint8_t>("zero", {}, {120});
  model.Initializer<int8_t>("w", {16, 16, 1, 1}, std::vector<int8_t>(256, 2));
  model.Initializer<int8_t>("w_zero", {}, {0});
  model.Node("QuantizeLinear", {"x", "scale", "zero"}, {"q"});
  model.Node("QLinearConv", {"q", "scale", "zero", "w", "scale", "w_zero", "scale", "zero"}, {"r"});
  model.Node("DequantizeLinear", {"r", "scale", "zero"}, {"y"});
  model.Output("y");
  return model;
}

struct Net {
  ModelBuilder model;
  Shape input;
};

std::vector<Net> Nets() {
  std::vector<Net> nets;
  nets.push_back({MobileNet(), {2, 3, 24, 24}});
  nets.push_back({Residual(), {2, 16, 13, 14}});
  nets.push_back({Transformer(), {2, 5, 24}});
  nets.push_back({Quantized(), {2, 16, 9, 10}});
  return nets;
}

std::vector<float> Results(const Net& net, const engine::LoadOptions& options) {
  auto outputs = RunModel(net.model.Build(), Inputs(NoiseTensor(net.input)), options);
  if (!outputs) {
    ADD_FAILURE() << outputs.error().message();
    return {};
  }
  return ValuesOf<float>(outputs->front());
}

// Rewrites by pass, from the log.
class CountingLogger final : public Logger {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Log(LogLevel, std::string_view message) override {
    if (message.find(" rewrites, ") == std::string_view::npos) return;
    ++worked[std::string(message.substr(0, message.find(':')))];
  }
  std::map<std::string, int> worked;
};

TEST(EveryPassTest, HasSomethingToDo) {
  CountingLogger log;
  for (const Net& net : Nets()) {
    engine::LoadOptions options;
    options.log = &log;
    EXPECT_TRUE(engine::Model::Load(net.model.Build(), options).has_value());
  }
  for (const Pass& pass : Passes()) {
    // What these two do changes how results are rounded: the tests of integers and halves have
    // them.
    if (pass.name == "fold-quantization" || pass.name == "widen-half") continue;
    EXPECT_GE(log.worked[std::string(pass.name)], 1) << pass.name;
  }
}

TEST(EveryPassTest, IsNotNeededForAnAnswer) {
  for (const Net& net : Nets()) {
    engine::LoadOptions plain;
    plain.optimize = false;
    const std::vector<float> expected = Results(net, plain);
    float scale = 1;
    for (float value : expected) scale = std::max(scale, std::abs(value));
    const auto check = [&](Names disabled, const std::string& what) {
      SCOPED_TRACE(what);
      engine::LoadOptions options;
      options.disabled_passes = std::move(disabled);
      testing::ExpectNear(Results(net, options), expected, 5e-5f * scale);
    };
    check({}, "all passes");
    check(engine::OptimizerPasses(), "no pass");
    for (const std::string& pass : engine::OptimizerPasses()) {
      check({pass}, "without " + pass);
      check(AllPassesBut({pass}), "only " + pass);
    }
  }
}

}  // namespace
}  // namespace wnn::optimizer
