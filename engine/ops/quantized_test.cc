// Operators on 8-bit integers, by hand-computed values, and the passes that make and widen them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/testing/pass_test.h"
#include "engine/testing/run_model.h"

namespace wnn::testing {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

// A model of one node of ONNX Runtime's, whose inputs are constants but the first.
struct MicrosoftNode {
  std::string op;
  std::vector<BuilderAttribute> attributes = {};

  template <typename X, typename Y>
  std::vector<Y> Run(const std::vector<int64_t>& dims, const std::vector<X>& x,
                     FunctionRef<std::vector<std::string>(ModelBuilder&)> constants) const {
    ModelBuilder model(17);
    model.Import(kMicrosoft, 1);
    std::vector<std::string> inputs = {"x"};
    model.Input("x", kernels::DTypeOf<X>(), {dims.begin(), dims.end()});
    for (std::string& name : constants(model)) inputs.push_back(std::move(name));
    if (op == "QLinearConcat") std::rotate(inputs.begin(), inputs.begin() + 1, inputs.begin() + 3);
    model.Output("y");
    model.Node(op, inputs, {"y"}, attributes, "node", kMicrosoft);
    std::vector<Tensor> given;
    given.push_back(MakeTensor<X>(dims, x));
    auto outputs = RunModel(model.Build(), given);
    if (!outputs) {
      ADD_FAILURE() << outputs.error().message();
      return {};
    }
    return ValuesOf<Y>(outputs->at(0));
  }
};

void Scalar(ModelBuilder& model, const std::string& name, float value) {
  model.Initializer<float>(name, {}, {value});
}
template <typename T>
void Zero(ModelBuilder& model, const std::string& name, T value) {
  model.Initializer<T>(name, {}, {value});
}

TEST(QLinear, AddsAndMultiplies) {
  const auto constants = [](ModelBuilder& model) {
    Scalar(model, "xs", 0.5f);
    Zero<uint8_t>(model, "xz", 10);
    model.Initializer<uint8_t>("b", {1}, {7});
    Scalar(model, "bs", 2.0f);
    Zero<uint8_t>(model, "bz", 4);
    Scalar(model, "cs", 1.0f);
    Zero<uint8_t>(model, "cz", 3);
    return std::vector<std::string>{"xs", "xz", "b", "bs", "bz", "cs", "cz"};
  };
  // Real: -5, 0, 1.5, 122.5 and 6.
  const std::vector<uint8_t> x = {0, 10, 13, 255};
  EXPECT_EQ((MicrosoftNode{"QLinearAdd"}.Run<uint8_t, uint8_t>({4}, x, constants)),
            (std::vector<uint8_t>{4, 9, 11, 131}));  // halves to the even number: 7.5, 128.5
  EXPECT_EQ((MicrosoftNode{"QLinearMul"}.Run<uint8_t, uint8_t>({4}, x, constants)),
            (std::vector<uint8_t>{0, 3, 12, 255}));
}

TEST(QLinear, FunctionsOfOneNumber) {
  const auto constants = [](ModelBuilder& model) {
    Scalar(model, "xs", 0.25f);
    Zero<int8_t>(model, "xz", 0);
    Scalar(model, "ys", 1.0f / 256);
    Zero<int8_t>(model, "yz", -128);
    return std::vector<std::string>{"xs", "xz", "ys", "yz"};
  };
  EXPECT_EQ((MicrosoftNode{"QLinearSigmoid"}.Run<int8_t, int8_t>({3}, {0, 127, -128}, constants)),
            (std::vector<int8_t>{0, 127, -128}));
  // Two equal numbers share; a distance of 4 real numbers is exp(-4).
  EXPECT_EQ(
      (MicrosoftNode{"QLinearSoftmax", {Attr("axis", -1), Attr("opset", 13)}}.Run<int8_t, int8_t>(
          {2, 2}, {5, 5, 16, 0}, constants)),
      (std::vector<int8_t>{0, 0, 123, -123}));
  EXPECT_EQ((MicrosoftNode{"QLinearLeakyRelu", {Attr("alpha", 0.5f)}}.Run<int8_t, int8_t>(
                {2}, {-2, 2},
                [](ModelBuilder& model) {
                  Scalar(model, "s", 1.0f);
                  Zero<int8_t>(model, "z", 0);
                  return std::vector<std::string>{"s", "z", "s", "z"};
                })),
            (std::vector<int8_t>{-1, 2}));
}

TEST(QLinear, Averages) {
  const auto constants = [](ModelBuilder& model) {
    Scalar(model, "xs", 0.5f);
    Zero<uint8_t>(model, "xz", 2);
    Scalar(model, "ys", 0.25f);
    Zero<uint8_t>(model, "yz", 1);
    return std::vector<std::string>{"xs", "xz", "ys", "yz"};
  };
  const std::vector<uint8_t> x = {2, 4, 6, 8};  // real 0, 1, 2, 3
  EXPECT_EQ(
      (MicrosoftNode{"QLinearGlobalAveragePool"}.Run<uint8_t, uint8_t>({1, 1, 2, 2}, x, constants)),
      (std::vector<uint8_t>{7}));
  EXPECT_EQ((MicrosoftNode{"QLinearAveragePool", {Attr("kernel_shape", std::vector<int64_t>{1, 2})}}
                 .Run<uint8_t, uint8_t>({1, 1, 2, 2}, x, constants)),
            (std::vector<uint8_t>{3, 11}));
}

TEST(QLinear, Concatenates) {
  const auto constants = [](ModelBuilder& model) {
    Scalar(model, "ys", 1.0f);
    Zero<uint8_t>(model, "yz", 0);
    Scalar(model, "xs", 2.0f);
    Zero<uint8_t>(model, "xz", 1);
    model.Initializer<uint8_t>("b", {2, 2}, {9, 8, 7, 6});
    return std::vector<std::string>{"ys", "yz", "xs", "xz", "b", "ys", "yz"};
  };
  EXPECT_EQ((MicrosoftNode{"QLinearConcat", {Attr("axis", 1)}}.Run<uint8_t, uint8_t>({2, 1}, {3, 0},
                                                                                     constants)),
            (std::vector<uint8_t>{4, 9, 8, 0, 7, 6}));
}

TEST(QuantizedMatMul, ToFloat) {
  const auto constants = [](ModelBuilder& model) {
    model.Initializer<int8_t>("b", {2, 3}, {1, -2, 3, 4, 5, -6});
    model.Initializer<float>("bs", {3}, {1, 0.5f, 2});
    Zero<int8_t>(model, "bz", 0);
    model.Initializer<float>("bias", {3}, {0, 1, 2});
    return std::vector<std::string>{"b", "bs", "bz", "bias"};
  };
  const auto y =
      MicrosoftNode{"DynamicQuantizeMatMul"}.Run<float, float>({1, 2}, {255, 51}, constants);
  // 255 * (1, -2, 3) + 51 * (4, 5, -6), scaled, and the bias.
  ExpectNear(y, {459, 1 - 127.5f, 2 + 918}, 1e-4f);

  const auto gemm = [](ModelBuilder& model) {
    Scalar(model, "as", 0.5f);
    Zero<uint8_t>(model, "az", 1);
    model.Initializer<int8_t>("b", {3, 2}, {1, 4, -2, 5, 3, -6});
    Scalar(model, "bs", 2);
    Zero<int8_t>(model, "bz", 0);
    model.Initializer<int32_t>("c", {3}, {10, 0, -10});
    return std::vector<std::string>{"as", "az", "b", "bs", "bz", "c"};
  };
  EXPECT_EQ((MicrosoftNode{"QGemm", {Attr("transB", 1)}}.Run<uint8_t, float>({1, 2}, {3, 2}, gemm)),
            (std::vector<float>{16, 1, -10}));
}

// An 8-bit convolution of [1, 2, 1, 3] by one tap into eight channels, each with terms of its own.
struct SmallConv {
  std::vector<uint8_t> x = {0, 10, 200, 255, 90, 3};
  std::vector<int8_t> w = {1, -2, 3, 4, -5, 6, 7, 8, -9, 10, 11, -12, 127, -128, 0, 1};
  std::vector<int8_t> w_zero;  // one a channel
  std::vector<int32_t> bias = {0, 100, -200, 300, -400, 500, -600, 700};
  std::vector<float> w_scale = {1, 0.5f, 0.25f, 2, 1, 0.5f, 0.125f, 4};
  static constexpr uint8_t kXZero = 12, kYZero = 100;
  static constexpr float kXScale = 0.5f, kYScale = 8;

  std::vector<uint8_t> Expected() const {
    std::vector<uint8_t> y;
    for (size_t m = 0; m < 8; ++m) {
      for (size_t p = 0; p < 3; ++p) {
        int32_t sum = bias[m];
        for (size_t c = 0; c < 2; ++c) sum += (x[c * 3 + p] - kXZero) * (w[m * 2 + c] - w_zero[m]);
        const float real = static_cast<float>(sum) * (kXScale * w_scale[m] / kYScale);
        y.push_back(static_cast<uint8_t>(std::clamp(std::nearbyint(real) + kYZero, 0.0f, 255.0f)));
      }
    }
    return y;
  }

  // The terms are constants of the model, or given to the run.
  std::vector<uint8_t> Run(bool are_constant, bool optimize) const {
    ModelBuilder model(13);
    model.Input("x", DType::kUint8, {1, 2, 1, 3});
    std::vector<Tensor> given;
    given.push_back(MakeTensor<uint8_t>({1, 2, 1, 3}, x));
    const auto add = [&]<typename T>(const std::string& name, const Shape& shape,
                                     const std::vector<T>& values) {
      if (are_constant) {
        model.Initializer<T>(name, shape, values);
      } else {
        model.Input(name, kernels::DTypeOf<T>(), {shape.begin(), shape.end()});
        given.push_back(MakeTensor<T>(shape, values));
      }
    };
    add("xs", {}, std::vector<float>{kXScale});
    add("xz", {}, std::vector<uint8_t>{kXZero});
    model.Initializer<int8_t>("w", {8, 2, 1, 1}, w);
    add("ws", {8}, w_scale);
    model.Initializer<int8_t>("wz", {8}, w_zero);
    add("ys", {}, std::vector<float>{kYScale});
    add("yz", {}, std::vector<uint8_t>{kYZero});
    add("bias", {8}, bias);
    model.Node("QLinearConv", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "bias"}, {"y"});
    model.Output("y");
    engine::LoadOptions options;
    options.optimize = optimize;
    auto outputs = RunModel(model.Build(), given, options);
    if (!outputs) {
      ADD_FAILURE() << outputs.error().message();
      return {};
    }
    return ValuesOf<uint8_t>(outputs->at(0));
  }
};

TEST(QLinearConv, TermsMayBeConstantOrGiven) {
  // Weights around 0, which maps with their channels last take, and others.
  for (const int8_t w_zero : {0, 3}) {
    SmallConv conv;
    for (size_t m = 0; m < 8; ++m) conv.w_zero.push_back(static_cast<int8_t>(w_zero * (m % 3)));
    for (const bool are_constant : {true, false}) {
      for (const bool optimize : {true, false}) {
        EXPECT_EQ(conv.Run(are_constant, optimize), conv.Expected())
            << int{w_zero} << are_constant << optimize;
      }
    }
  }
}

// A model as quantisers write it: every tensor quantised and dequantised.
ModelBuilder QdqModel() {
  ModelBuilder model(13);
  model.Input("x", DType::kFloat, {1, 3, 8, 8});
  int n = 0;
  const auto qdq = [&](const std::string& value, float scale, uint8_t zero) {
    const std::string id = std::to_string(n++);
    Scalar(model, "s" + id, scale);
    Zero<uint8_t>(model, "z" + id, zero);
    model.Node("QuantizeLinear", {value, "s" + id, "z" + id}, {"q" + id});
    model.Node("DequantizeLinear", {"q" + id, "s" + id, "z" + id}, {"d" + id});
    return "d" + id;
  };
  std::vector<int8_t> w(8 * 3 * 3 * 3), m(8 * 5);
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = static_cast<int8_t>(static_cast<int>(i * 37 % 255) - 127);
  for (size_t i = 0; i < m.size(); ++i)
    m[i] = static_cast<int8_t>(static_cast<int>(i * 53 % 255) - 127);
  std::vector<float> scales(8);
  for (size_t i = 0; i < 8; ++i) scales[i] = 0.002f + 0.0005f * static_cast<float>(i);
  model.Initializer<int8_t>("w", {8, 3, 3, 3}, w);
  model.Initializer<float>("ws", {8}, scales);
  model.Node("DequantizeLinear", {"w", "ws"}, {"wd"}, {Attr("axis", 0)});
  model.Initializer<float>("bias", {8}, {0, 1, -1, 0.5f, -0.5f, 2, -2, 0.25f});
  model.Node("Conv", {qdq("x", 1.0f / 128, 128), "wd", "bias"}, {"c"},
             {Attr("pads", std::vector<int64_t>{1, 1, 1, 1})});
  model.Node("Relu", {"c"}, {"r"});
  const std::string conv = qdq("r", 0.02f, 0);
  model.Node("MaxPool", {conv}, {"p"},
             {Attr("kernel_shape", std::vector<int64_t>{3, 3}),
              Attr("pads", std::vector<int64_t>{1, 1, 1, 1})});
  const std::string pooled = qdq("p", 0.02f, 0);
  model.Node("Add", {conv, pooled}, {"a"});
  model.Node("Concat", {qdq("a", 0.03f, 0), pooled}, {"k"}, {Attr("axis", 1)});
  model.Node("GlobalAveragePool", {qdq("k", 0.03f, 0)}, {"g"});
  model.Initializer<int64_t>("shape", {2}, {2, 8});
  model.Node("Reshape", {qdq("g", 0.02f, 0), "shape"}, {"f"});
  model.Initializer<int8_t>("m", {8, 5}, m);
  Scalar(model, "ms", 0.01f);
  model.Node("DequantizeLinear", {"m", "ms"}, {"md"});
  model.Node("MatMul", {qdq("f", 0.02f, 0), "md"}, {"t"});
  model.Node("Identity", {qdq("t", 0.05f, 100)}, {"y"});
  model.Output("y");
  return model;
}

// Both multiply by the same weights, packed once, each with its own scale.
TEST(QAttention, SharesWeightsButNoScales) {
  ModelBuilder model(17);
  model.Import(kMicrosoft, 1);
  model.Input("x", DType::kUint8, {1, 1, 2});
  model.Initializer<int8_t>("w", {2, 6}, {9, 9, 9, 9, 1, -2, 9, 9, 9, 9, 3, 4});
  model.Initializer<float>("b", {6}, {0, 0, 0, 0, 10, 20});
  Scalar(model, "xs", 0.5f);
  Zero<uint8_t>(model, "xz", 1);
  Scalar(model, "one", 1);
  Scalar(model, "two", 2);
  for (const char* scale : {"one", "two"}) {
    const std::string y = std::string("y") + scale;
    model.Output(y);
    model.Node("QAttention", {"x", "w", "b", "xs", scale, "", "xz"}, {y}, {Attr("num_heads", 1)}, y,
               kMicrosoft);
  }
  std::vector<Tensor> given;
  given.push_back(MakeTensor<uint8_t>({1, 1, 2}, {5, 3}));  // 2 and 1
  const auto outputs = RunModel(model.Build(), given);
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  // Of one position, attention is its value.
  EXPECT_EQ(ValuesOf<float>(outputs->at(0)), (std::vector<float>{15, 20}));
  EXPECT_EQ(ValuesOf<float>(outputs->at(1)), (std::vector<float>{20, 20}));
}

TEST(DynamicQuantizeLinear, RangesWithoutAScale) {
  ModelBuilder model(17);
  model.Input("x", DType::kFloat, {3});
  for (const char* y : {"y", "scale", "zero"}) model.Output(y);
  model.Node("DynamicQuantizeLinear", {"x"}, {"y", "scale", "zero"});
  const auto run = [&](const std::vector<float>& x) {
    std::vector<Tensor> given;
    given.push_back(MakeTensor<float>({3}, x));
    return RunModel(model.Build(), given);
  };
  const auto zeros = run({0, 0, 0});
  ASSERT_TRUE(zeros.has_value()) << zeros.error().message();
  EXPECT_EQ(ValuesOf<uint8_t>(zeros->at(0)), (std::vector<uint8_t>{0, 0, 0}));
  EXPECT_EQ(ValuesOf<float>(zeros->at(1)), std::vector<float>{1});
  EXPECT_EQ(ValuesOf<uint8_t>(zeros->at(2)), std::vector<uint8_t>{0});
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto infinite = run({-kInfinity, 1, kInfinity});  // ends, without undefined conversions
  ASSERT_TRUE(infinite.has_value()) << infinite.error().message();
  EXPECT_EQ(ValuesOf<uint8_t>(infinite->at(2)), std::vector<uint8_t>{0});
}

TEST(FoldQuantization, LeavesIntegers) {
  const graph::Graph graph = AfterPasses(QdqModel(), {"fold-quantization", "remove-dead"});
  EXPECT_EQ(OpNames(graph),
            (std::vector<std::string>{"QuantizeLinear", "QLinearConv", "MaxPool",
                                      "com.microsoft.QLinearAdd", "com.microsoft.QLinearConcat",
                                      "com.microsoft.QLinearGlobalAveragePool", "Reshape",
                                      "QLinearMatMul", "DequantizeLinear", "Identity"}));
}

TEST(FoldQuantization, ComputesWhatTheModelSays) {
  std::vector<Tensor> inputs;
  inputs.push_back(MakeTensor<float>({1, 3, 8, 8}, Noise(3 * 64)));
  engine::LoadOptions plain;
  plain.optimize = false;
  auto folded = RunModel(QdqModel().Build(), inputs);
  auto expected = RunModel(QdqModel().Build(), inputs, plain);
  ASSERT_TRUE(folded.has_value()) << folded.error().message();
  ASSERT_TRUE(expected.has_value()) << expected.error().message();
  // A step of the last quantiser, where float sums round to the other side.
  ExpectNear(ValuesOf<float>(folded->at(0)), ValuesOf<float>(expected->at(0)), 0.0501f);
}

TEST(WidenHalf, ComputesInSinglePrecision) {
  ModelBuilder model(13);
  const auto halves = [](const std::vector<float>& floats) {
    std::vector<kernels::Float16> values;
    for (float x : floats) values.push_back(kernels::ToFloat16(x));
    return values;
  };
  model.Input("x", DType::kFloat16, {1, 4, 6, 6});
  model.Initializer<kernels::Float16>("w", {8, 4, 3, 3}, halves(Noise(8 * 4 * 9, 2)));
  model.Node("Conv", {"x", "w"}, {"c"});
  model.Node("Relu", {"c"}, {"r"});
  model.Node("GlobalAveragePool", {"r"}, {"y"});
  model.Output("y");
  model.Output("r");
  std::vector<Tensor> inputs;
  inputs.push_back(MakeTensor<kernels::Float16>({1, 4, 6, 6}, halves(Noise(4 * 36))));
  engine::LoadOptions plain;
  plain.optimize = false;
  auto wide = RunModel(model.Build(), inputs);
  auto expected = RunModel(model.Build(), inputs, plain);
  ASSERT_TRUE(wide.has_value()) << wide.error().message();
  ASSERT_TRUE(expected.has_value()) << expected.error().message();
  for (size_t o = 0; o < 2; ++o) {
    std::vector<float> a, b;
    for (const auto x : ValuesOf<kernels::Float16>(wide->at(o))) a.push_back(kernels::ToFloat(x));
    for (const auto x : ValuesOf<kernels::Float16>(expected->at(o)))
      b.push_back(kernels::ToFloat(x));
    ExpectNear(a, b, 0.002f);
  }
}

}  // namespace
}  // namespace wnn::testing
