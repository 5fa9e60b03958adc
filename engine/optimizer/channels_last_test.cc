#include <gtest/gtest.h>

#include "engine/testing/pass_test.h"

namespace wnn::optimizer {
namespace {

using testing::AfterPasses;
using testing::Attr;
using testing::ExpectSameResults;
using testing::Inputs;
using testing::ModelBuilder;
using testing::Noise;
using testing::NoiseTensor;
using testing::OpNames;

using Names = std::vector<std::string>;

const Names kPass = {"channels-last"};
constexpr const char* kMicrosoft = "com.microsoft";

std::vector<int64_t> All(int64_t value, size_t n = 4) { return std::vector<int64_t>(n, value); }

// Values of type T with the scale 1/64, one zero point for all but the weights'.
template <typename T>
class Net {
 public:
  static constexpr T kZero = std::is_signed_v<T> ? -5 : 120;

  explicit Net(int64_t channels) {
    model.Input("real", DType::kFloat, {"N", channels, "H", "W"});
    model.template Initializer<float>("scale", {}, {1.0f / 64});
    model.template Initializer<float>("small", {}, {1.0f / 512});
    model.template Initializer<T>("zero", {}, {kZero});
    model.template Initializer<int8_t>("no_zero", {}, {0});
    model.Import(kMicrosoft, 1);
    model.Node("QuantizeLinear", {"real", "scale", "zero"}, {"x"});
  }

  void Conv(const std::string& x, const std::string& y, int64_t in, int64_t out, int64_t kernel,
            int64_t groups = 1, int64_t stride = 1, const std::string& w_zero = "no_zero") {
    std::vector<int8_t> weights;
    const auto n = static_cast<size_t>(out * in / groups * kernel * kernel);
    for (float v : Noise(n, static_cast<uint32_t>(in + out))) {
      weights.push_back(static_cast<int8_t>(v * 100));
    }
    model.template Initializer<int8_t>(y + "_w", {out, in / groups, kernel, kernel}, weights);
    model.template Initializer<int32_t>(y + "_b", {out},
                                        std::vector<int32_t>(static_cast<size_t>(out), 77));
    model.Node(
        "QLinearConv", {x, "scale", "zero", y + "_w", "small", w_zero, "scale", "zero", y + "_b"},
        {y},
        {Attr("group", groups), Attr("pads", All(kernel / 2)), Attr("strides", All(stride, 2))});
  }

  void Output(const std::string& x) {
    model.Node("DequantizeLinear", {x, "scale", "zero"}, {"y"});
    model.Output("y");
  }

  ModelBuilder model;
};

template <typename T>
Net<T> EveryRule() {
  Net<T> net(3);
  net.Conv("x", "stem", 3, 16, 3, 1, 2);
  net.model.Node("MaxPool", {"stem"}, {"pooled"},
                 {Attr("kernel_shape", All(3, 2)), Attr("pads", All(1))});
  net.Conv("pooled", "depthwise", 16, 16, 3, 16);
  net.model.Node("QLinearAdd",
                 {"pooled", "scale", "zero", "depthwise", "scale", "zero", "scale", "zero"},
                 {"sum"}, {}, "", kMicrosoft);
  net.Conv("sum", "pointwise", 16, 24, 1);
  net.model.Node("QLinearLeakyRelu", {"pointwise", "scale", "zero", "small", "zero"}, {"leaky"}, {},
                 "", kMicrosoft);
  net.model.Node("QLinearConcat",
                 {"scale", "zero", "leaky", "small", "zero", "sum", "scale", "zero"}, {"both"},
                 {Attr("axis", 1)}, "", kMicrosoft);
  net.Output("both");
  return net;
}

template <typename T>
class ChannelsLastPassTest : public ::testing::Test {};
using ByteTypes = ::testing::Types<uint8_t, int8_t>;
TYPED_TEST_SUITE(ChannelsLastPassTest, ByteTypes);

TYPED_TEST(ChannelsLastPassTest, EveryRuleGivesTheSameBytes) {
  Net<TypeParam> net = EveryRule<TypeParam>();
  EXPECT_EQ(OpNames(AfterPasses(net.model, kPass)),
            (Names{"QuantizeLinear", "wnn.ChannelsLastQLinearConv", "wnn.ChannelsLastMaxPool",
                   "wnn.ChannelsLastQLinearConv", "com.microsoft.QLinearAdd",
                   "wnn.ChannelsLastQLinearConv", "com.microsoft.QLinearLeakyRelu",
                   "com.microsoft.QLinearConcat", "Transpose", "DequantizeLinear"}));
  ExpectSameResults(net.model, Inputs(NoiseTensor({2, 3, 21, 18})), kPass, 0);
  ExpectSameResults(net.model, Inputs(NoiseTensor({1, 3, 1, 1})), kPass, 0);
}

TEST(ChannelsLastPassTest, TransposesStandAtTheBordersOnly) {
  Net<uint8_t> net(12);
  net.Conv("x", "a", 12, 32, 3);
  net.Conv("a", "grouped", 32, 32, 3, 2);  // for which there is no kernel
  net.Conv("grouped", "b", 32, 16, 1);
  net.Output("b");
  EXPECT_EQ(OpNames(AfterPasses(net.model, kPass)),
            (Names{"QuantizeLinear", "Transpose", "wnn.ChannelsLastQLinearConv", "Transpose",
                   "QLinearConv", "Transpose", "wnn.ChannelsLastQLinearConv", "Transpose",
                   "DequantizeLinear"}));
  ExpectSameResults(net.model, Inputs(NoiseTensor({2, 12, 9, 7})), kPass, 0);
}

TEST(ChannelsLastPassTest, WhatTheKernelsCannotDoStays) {
  Net<uint8_t> few(16);
  few.Conv("x", "y4", 16, 4, 1);  // lanes without work
  few.Output("y4");
  EXPECT_EQ(OpNames(AfterPasses(few.model, kPass)),
            (Names{"QuantizeLinear", "QLinearConv", "DequantizeLinear"}));
  Net<uint8_t> moved(16);
  moved.model.Initializer<int8_t>("w_zero", {}, {3});
  moved.Conv("x", "y16", 16, 16, 1, 1, 1, "w_zero");
  moved.Output("y16");
  EXPECT_EQ(OpNames(AfterPasses(moved.model, kPass)),
            (Names{"QuantizeLinear", "QLinearConv", "DequantizeLinear"}));
}

}  // namespace
}  // namespace wnn::optimizer
