// ai.onnx.ml and ONNX Runtime's fused operators, by hand-computed values.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/testing/run_model.h"

namespace wnn::testing {
namespace {

BuilderAttribute StringsAttr(std::string name, const std::vector<std::string>& values) {
  WireWriter fields;
  for (const std::string& value : values) fields.Bytes(9, value);
  return {std::move(name), fields.Varint(20, 8)};
}

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

// A model of one node of another domain, whose inputs are float.
Result<std::vector<Tensor>> RunNode(const char* domain, int version, const std::string& op,
                                    const std::vector<Tensor>& inputs, size_t n_outputs,
                                    const std::vector<BuilderAttribute>& attributes) {
  ModelBuilder model(17);
  model.Import(domain, version);
  std::vector<std::string> in, out;
  for (size_t i = 0; i < inputs.size(); ++i) {
    in.push_back("x" + std::to_string(i));
    model.Input(in.back(), inputs[i].dtype(), {inputs[i].shape().begin(), inputs[i].shape().end()});
  }
  for (size_t i = 0; i < n_outputs; ++i) {
    out.push_back("y" + std::to_string(i));
    model.Output(out.back());
  }
  model.Node(op, in, out, attributes, "node", domain);
  return RunModel(model.Build(), inputs);
}

Result<std::vector<Tensor>> RunMl(const std::string& op, const Shape& shape, const Floats& x,
                                  size_t n_outputs,
                                  const std::vector<BuilderAttribute>& attributes) {
  return RunNode("ai.onnx.ml", 3, op, Inputs(MakeTensor<float>(shape, x)), n_outputs, attributes);
}

Floats MlFloats(const std::string& op, const Shape& shape, const Floats& x,
                const std::vector<BuilderAttribute>& attributes) {
  auto outputs = RunMl(op, shape, x, 1, attributes);
  if (!outputs) {
    ADD_FAILURE() << op << ": " << outputs.error().message();
    return {};
  }
  return ValuesOf<float>(outputs->at(0));
}

// Tree 0: x0 <= 1 ? leaf 1 : (x1 > 5 ? leaf 3 : leaf 4); a NaN of x0 goes to leaf 1.
// Tree 1: one leaf.
std::vector<BuilderAttribute> Trees(const std::string& kind, const Ints& targets,
                                    const Floats& weights) {
  return {Attr("nodes_treeids", Ints{0, 0, 0, 0, 0, 1}),
          Attr("nodes_nodeids", Ints{0, 1, 2, 3, 4, 0}),
          Attr("nodes_featureids", Ints{0, 0, 1, 0, 0, 0}),
          Attr("nodes_truenodeids", Ints{1, 0, 3, 0, 0, 0}),
          Attr("nodes_falsenodeids", Ints{2, 0, 4, 0, 0, 0}),
          Attr("nodes_missing_value_tracks_true", Ints{1, 0, 0, 0, 0, 0}),
          Attr("nodes_values", Floats{1, 0, 5, 0, 0, 0}),
          StringsAttr("nodes_modes", {"BRANCH_LEQ", "LEAF", "BRANCH_GT", "LEAF", "LEAF", "LEAF"}),
          Attr(kind + "_treeids", Ints{0, 0, 0, 1}),
          Attr(kind + "_nodeids", Ints{1, 3, 4, 0}),
          Attr(kind + "_ids", targets),
          Attr(kind + "_weights", weights)};
}

const Floats kRows = {1, 9, 2, 6, 2, 5, NAN, 0};

TEST(MlTrees, Regress) {
  auto attributes = Trees("target", {0, 0, 0, 0}, {10, 20, 30, 1});
  attributes.push_back(Attr("base_values", Floats{0.5f}));
  EXPECT_EQ(MlFloats("TreeEnsembleRegressor", {4, 2}, kRows, attributes),
            (Floats{11.5f, 21.5f, 31.5f, 11.5f}));
  attributes.push_back({"aggregate_function", WireWriter().Bytes(4, "AVERAGE").Varint(20, 3)});
  EXPECT_EQ(MlFloats("TreeEnsembleRegressor", {4, 2}, kRows, attributes), (Floats{6, 11, 16, 6}));
}

TEST(MlTrees, Classify) {
  auto attributes = Trees("class", {0, 1, 2, 1}, {10, 20, 30, 1});
  attributes.push_back(Attr("classlabels_int64s", Ints{7, 8, 9}));
  auto outputs = RunMl("TreeEnsembleClassifier", {4, 2}, kRows, 2, attributes);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(outputs->at(0)), (Ints{7, 8, 9, 7}));
  EXPECT_EQ(ValuesOf<float>(outputs->at(1)), (Floats{10, 1, 0, 0, 21, 0, 0, 1, 30, 10, 1, 0}));
}

TEST(MlTrees, OneScoreForTwoClasses) {
  auto attributes = Trees("class", {0, 0, 0, 0}, {-3, 1, 2, 0.5f});
  attributes.push_back(Attr("classlabels_int64s", Ints{0, 1}));
  attributes.push_back(Attr("post_transform", "LOGISTIC"));
  attributes.push_back(Attr("base_values", Floats{-0.25f}));
  auto outputs = RunMl("TreeEnsembleClassifier", {2, 2}, {0, 0, 2, 6}, 2, attributes);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(outputs->at(0)), (Ints{0, 1}));
  const auto logistic = [](float x) { return 1 / (1 + std::exp(-x)); };
  ExpectNear(ValuesOf<float>(outputs->at(1)),
             {logistic(2.75f), logistic(-2.75f), logistic(-1.25f), logistic(1.25f)}, 1e-6f);
}

// As ONNX has it, and ONNX Runtime has not: see docs/interop.md.
TEST(MlTrees, ScoresForBothOfTwoClasses) {
  auto attributes = Trees("class", {0, 1, 1, 0}, {0.75f, 0.5f, 0.125f, 0.25f});
  attributes.push_back(Attr("classlabels_int64s", Ints{7, 3}));
  auto outputs = RunMl("TreeEnsembleClassifier", {3, 2}, {0, 0, 2, 6, 2, 5}, 2, attributes);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(outputs->at(0)), (Ints{7, 3, 7}));
  EXPECT_EQ(ValuesOf<float>(outputs->at(1)), (Floats{1, 0, 0.25f, 0.5f, 0.25f, 0.125f}));
}

TEST(MlTrees, MalformedOnesAreRefused) {
  auto bad = Trees("target", {0, 0, 0, 0}, {1, 2, 3, 4});
  bad[3] = Attr("nodes_truenodeids", Ints{1, 0, 0, 0, 0, 0});  // a cycle
  auto outputs = RunMl("TreeEnsembleRegressor", {1, 2}, {3, 3}, 1, bad);
  ASSERT_FALSE(outputs.has_value());
  EXPECT_NE(outputs.error().message().find("malformed"), std::string_view::npos);
  outputs =
      RunMl("TreeEnsembleRegressor", {1, 1}, {3}, 1, Trees("target", {0, 0, 0, 0}, {1, 2, 3, 4}));
  ASSERT_FALSE(outputs.has_value());
  EXPECT_NE(outputs.error().message().find("feature 1"), std::string_view::npos);
  outputs = RunMl("TreeEnsembleRegressor", {1, 2}, {3, 3}, 1,
                  Trees("target", {0, 0, 1, 0}, {1, 2, 3, 4}));
  EXPECT_FALSE(outputs.has_value());
}

TEST(MlLinear, RegressAndClassify) {
  EXPECT_EQ(MlFloats("LinearRegressor", {2, 2}, {1, 2, 3, 4},
                     {Attr("coefficients", Floats{1, 10, 0, 1}),
                      Attr("intercepts", Floats{0.5f, 0}), Attr("targets", 2)}),
            (Floats{21.5f, 2, 43.5f, 4}));
  auto outputs = RunMl("LinearClassifier", {2, 2}, {1, 0, 0, 2}, 2,
                       {Attr("coefficients", Floats{1, 0, 0, 1}), Attr("intercepts", Floats{0, 0}),
                        Attr("classlabels_ints", Ints{4, 5}), Attr("post_transform", "SOFTMAX")});
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(outputs->at(0)), (Ints{4, 5}));
  const float e = std::exp(1.0f), e2 = std::exp(2.0f);
  ExpectNear(ValuesOf<float>(outputs->at(1)),
             {e / (e + 1), 1 / (e + 1), 1 / (e2 + 1), e2 / (e2 + 1)}, 1e-6f);
}

TEST(MlLinear, LabelsOnly) {
  auto outputs = RunMl("LinearClassifier", {2, 2}, {1, 0, 0, 2}, 1,
                       {Attr("coefficients", Floats{1, 0, 0, 1}), Attr("intercepts", Floats{0, 0}),
                        Attr("classlabels_ints", Ints{4, 5})});
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<int64_t>(outputs->at(0)), (Ints{4, 5}));
}

TEST(MlLinear, Svm) {
  // exp(-0.5 * 1) * 2 - exp(-0.5 * 4) + 0.25
  ExpectNear(
      MlFloats("SVMRegressor", {1, 2}, {1, 0},
               {Attr("kernel_type", "RBF"), Attr("kernel_params", Floats{0.5f, 0, 3}),
                Attr("support_vectors", Floats{0, 0, 1, 2}), Attr("coefficients", Floats{2, -1}),
                Attr("rho", Floats{0.25f}), Attr("n_supports", 2)}),
      {2 * std::exp(-0.5f) - std::exp(-2.0f) + 0.25f}, 1e-6f);
}

TEST(MlFeatures, Prepare) {
  EXPECT_EQ(MlFloats("Scaler", {1, 2}, {3, 5},
                     {Attr("offset", Floats{1, 1}), Attr("scale", Floats{2, 0.5f})}),
            (Floats{4, 2}));
  EXPECT_EQ(MlFloats("Normalizer", {2, 2}, {3, -4, 0, 0}, {Attr("norm", "L2")}),
            (Floats{0.6f, -0.8f, 0, 0}));
  EXPECT_EQ(MlFloats("Normalizer", {1, 2}, {1, -3}, {Attr("norm", "L1")}), (Floats{0.25f, -0.75f}));
  EXPECT_EQ(MlFloats("Binarizer", {3}, {0.5f, 1, 2}, {Attr("threshold", 1.0f)}), (Floats{0, 0, 1}));
  EXPECT_EQ(
      MlFloats("Imputer", {2, 2}, {NAN, 1, 2, NAN},
               {Attr("imputed_value_floats", Floats{7, 8}), Attr("replaced_value_float", NAN)}),
      (Floats{7, 1, 2, 8}));
  EXPECT_EQ(MlFloats("OneHotEncoder", {2}, {3, 9}, {Attr("cats_int64s", Ints{1, 3})}),
            (Floats{0, 1, 0, 0}));
}

Floats MicrosoftFloats(const std::string& op, const std::vector<Tensor>& inputs,
                       const std::vector<BuilderAttribute>& attributes = {}) {
  auto outputs = RunNode("com.microsoft", 1, op, inputs, 1, attributes);
  if (!outputs) {
    ADD_FAILURE() << op << ": " << outputs.error().message();
    return {};
  }
  return ValuesOf<float>(outputs->at(0));
}

TEST(Microsoft, Activations) {
  const auto x = [] { return MakeTensor<float>({1, 2}, {1, -2}); };
  const auto bias = [] { return MakeTensor<float>({2}, {0, 1}); };
  ExpectNear(MicrosoftFloats("Gelu", Inputs(x())), {0.8413447f, -0.0455003f}, 1e-6f);
  ExpectNear(MicrosoftFloats("BiasGelu", Inputs(x(), bias())), {0.8413447f, -0.1586553f}, 1e-6f);
  ExpectNear(MicrosoftFloats("FastGelu", Inputs(x(), bias())), {0.8411920f, -0.1588080f}, 1e-6f);
  ExpectNear(MicrosoftFloats("QuickGelu", Inputs(x()), {Attr("alpha", 1.0f)}),
             {0.7310586f, -0.2384058f}, 1e-6f);
}

TEST(Microsoft, SkipNormalisation) {
  // The sum is (1, 3): mean 2, deviation 1.
  ExpectNear(MicrosoftFloats(
                 "SkipLayerNormalization",
                 Inputs(MakeTensor<float>({1, 1, 2}, {1, 1}), MakeTensor<float>({1, 1, 2}, {0, 2}),
                        MakeTensor<float>({2}, {1, 2}), MakeTensor<float>({2}, {5, 6}))),
             {4, 8}, 1e-5f);
}

TEST(Microsoft, FusedProducts) {
  const auto a = [] { return MakeTensor<float>({2, 2}, {1, 2, 3, 4}); };
  const auto b = [] { return MakeTensor<float>({2, 2}, {1, 0, 1, -1}); };
  EXPECT_EQ(
      MicrosoftFloats("FusedMatMul", Inputs(a(), b()), {Attr("transA", 1), Attr("alpha", 0.5f)}),
      (Floats{2, -1.5f, 3, -2}));
  EXPECT_EQ(MicrosoftFloats("FusedGemm", Inputs(a(), b(), MakeTensor<float>({2}, {-4, 0})),
                            {Attr("activation", "Relu")}),
            (Floats{0, 0, 3, 0}));
  EXPECT_EQ(
      MicrosoftFloats(
          "FusedConv",
          Inputs(MakeTensor<float>({1, 1, 1, 2}, {1, -1}), MakeTensor<float>({1, 1, 1, 1}, {2}),
                 MakeTensor<float>({1}, {1}), MakeTensor<float>({1, 1, 1, 2}, {-5, 4})),
          {Attr("activation", "Relu")}),
      (Floats{0, 3}));
}

TEST(Microsoft, SelfAttention) {
  // One head of size 1: queries, keys and values are x, 0 and 2 x; keys of 0 share evenly.
  const auto run = [](const std::vector<int32_t>& mask, const Shape& shape) {
    return MicrosoftFloats(
        "Attention",
        Inputs(MakeTensor<float>({1, 2, 1}, {1, 3}), MakeTensor<float>({1, 3}, {1, 0, 2}),
               MakeTensor<float>({3}, {0, 0, 0}), MakeTensor<int32_t>(shape, mask)),
        {Attr("num_heads", 1)});
  };
  ExpectNear(run({1, 1}, {1, 2}), {4, 4}, 1e-6f);
  ExpectNear(run({1, 0}, {1, 2}), {2, 2}, 1e-6f);
  ExpectNear(run({1}, {1}), {2, 2}, 1e-6f);
}

TEST(Microsoft, MultiHeadAttention) {
  // Two heads of size 1, keys of 0: values are averaged over the keys that the mask leaves.
  EXPECT_EQ(MicrosoftFloats("MultiHeadAttention",
                            Inputs(MakeTensor<float>({1, 1, 2}, {1, 1}),
                                   MakeTensor<float>({1, 2, 2}, {0, 0, 0, 0}),
                                   MakeTensor<float>({1, 2, 2}, {2, 4, 6, 10})),
                            {Attr("num_heads", 2)}),
            (Floats{4, 7}));
}

TEST(Microsoft, MatMulNBits) {
  // Columns of 16 numbers of 4 bits: 9, which is 1 above the middle, then 0 to 15 with zero point
  // 0.
  ModelBuilder model(17);
  model.Import("com.microsoft", 1);
  std::vector<uint8_t> b(8, 0x99);
  for (int i = 0; i < 8; ++i) b.push_back(static_cast<uint8_t>((2 * i) | (2 * i + 1) << 4));
  model.Input("x", DType::kFloat, {1, 16});
  model.Initializer<uint8_t>("b", {2, 1, 8}, b);
  model.Initializer<float>("s", {2}, {0.5f, 2});
  model.Initializer<uint8_t>("z", {2}, {8, 0});
  model.Node("MatMulNBits", {"x", "b", "s", "z"}, {"y"},
             {Attr("K", 16), Attr("N", 2), Attr("bits", 4), Attr("block_size", 16)}, "node",
             "com.microsoft");
  model.Output("y");
  auto outputs = RunModel(model.Build(), Inputs(MakeTensor<float>({1, 16}, Floats(16, 1))));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<float>(outputs->at(0)), (Floats{8, 240}));
}

// The weights take in memory what they take in the model.
TEST(Microsoft, MatMulNBitsKeepsItsWeights) {
  constexpr int64_t kK = 512, kN = 256, kBytes = kK * kN / 2;
  ModelBuilder model(17);
  model.Import("com.microsoft", 1);
  model.Input("x", DType::kFloat, {-1, kK});
  model.Initializer<uint8_t>("b", {kN, kK / 32, 16}, std::vector<uint8_t>(kBytes, 0x97));
  model.Initializer<float>("s", {kN, kK / 32}, Floats(kN * kK / 32, 0.5f));
  model.Node("MatMulNBits", {"x", "b", "s"}, {"y"},
             {Attr("K", kK), Attr("N", kN), Attr("bits", 4), Attr("block_size", 32)}, "node",
             "com.microsoft");
  model.Output("y");
  auto loaded = engine::Model::Load(model.Build(), {});
  ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
  EXPECT_LT((*loaded)->memory_bytes(), kBytes + kN * kK / 32 * sizeof(float) + 1024);
}

// Weights that come with each run.
TEST(Microsoft, MatMulNBitsOfInputs) {
  ModelBuilder model(17);
  model.Import("com.microsoft", 1);
  model.Input("x", DType::kFloat, {1, 16});
  model.Input("b", DType::kUint8, {2, 1, 8});
  model.Input("s", DType::kFloat, {2});
  model.Node("MatMulNBits", {"x", "b", "s"}, {"y"},
             {Attr("K", 16), Attr("N", 2), Attr("bits", 4), Attr("block_size", 16)}, "node",
             "com.microsoft");
  model.Output("y");
  std::vector<uint8_t> b(16, 0x99);
  std::fill(b.begin() + 8, b.end(), 0x77);
  auto outputs = RunModel(
      model.Build(), Inputs(MakeTensor<float>({1, 16}, Floats(16, 1)),
                            MakeTensor<uint8_t>({2, 1, 8}, b), MakeTensor<float>({2}, {0.5f, 2})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(ValuesOf<float>(outputs->at(0)), (Floats{8, -32}));
}

}  // namespace
}  // namespace wnn::testing
