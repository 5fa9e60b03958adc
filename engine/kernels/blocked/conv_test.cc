#include "engine/kernels/blocked/conv.h"

#include <gtest/gtest.h>

#include "engine/kernels/blocked/conv_test_util.h"

namespace wnn::kernels {
namespace {

TEST(Conv, ResidualMayBeTheOutput) {
  for (ConvAlgorithm algorithm : {ConvAlgorithm::kDirect, ConvAlgorithm::kWinograd4}) {
    const Case c = {
        .in_channels = 16, .out_channels = 32, .in_h = 13, .in_w = 13, .residual = true};
    const Problem p(SpecOf(c), ShapeOf(c), true);
    OnEveryIsa([&] {
      auto conv = Conv::Create(algorithm, p.spec, p.weights, p.bias);
      ASSERT_TRUE(conv.has_value());
      SerialParallel serial;
      GuardedFloats in(BlockedSize(16, 13, 13));
      GuardedFloats out(BlockedSize(32, 13, 13));
      Block(p.in, 1, 16, 13 * 13, 0, in.data());
      Block(p.residual, 1, 32, 13 * 13, 0, out.data());
      GuardedFloats scratch(static_cast<int64_t>(*(*conv)->ScratchBytes(p.shape, 1) / 4));
      (*conv)->Run(p.shape, {{in.data(), in.size()}, {out.data(), 0}, {out.data(), 0}},
                   scratch.bytes(), serial);
      ExpectClose(Unblock(out.data(), 1, 32, 13 * 13), p.Reference(), kWinograd4Eps);
    });
  }
}

TEST(Conv, NanStaysNan) {
  Case c = Point(16, 16, 3, 3);
  Problem p(SpecOf(c), ShapeOf(c), false);
  p.spec.clamp = {0.0f, 6.0f};
  p.in[4] = std::nanf("");
  OnEveryIsa([&] {
    auto conv = Conv::Create(ConvAlgorithm::kPointwise, p.spec, p.weights, p.bias);
    ASSERT_TRUE(conv.has_value());
    SerialParallel serial;
    const std::vector<float> got = Unblock(RunConv(**conv, p, serial).data(), 1, 16, 9);
    EXPECT_TRUE(std::isnan(got[4]));
    EXPECT_FALSE(std::isnan(got[5]));
  });
}

TEST(Conv, RefusesWhatItCannotDo) {
  const ConvSpec spec{.in_channels = 16, .out_channels = 16, .kernel_h = 3, .kernel_w = 3};
  const std::vector<float> weights = RandomFloats(16 * 16 * 9, 1);
  const auto code = [&](ConvAlgorithm algorithm, const ConvSpec& s, std::span<const float> w,
                        std::span<const float> b) {
    auto conv = Conv::Create(algorithm, s, w, b);
    EXPECT_FALSE(conv.has_value());
    return conv.has_value() ? Code::kInternal : conv.error().code();
  };
  const std::vector<float> bias(15);
  EXPECT_EQ(code(ConvAlgorithm::kPointwise, spec, weights, {}), Code::kInvalidArgument);
  EXPECT_EQ(code(ConvAlgorithm::kDepthwise, spec, weights, {}), Code::kInvalidArgument);
  EXPECT_EQ(code(ConvAlgorithm::kDirect, spec, bias, {}), Code::kInvalidArgument);
  EXPECT_EQ(code(ConvAlgorithm::kDirect, spec, weights, bias), Code::kInvalidArgument);
  ConvSpec bad = spec;
  bad.stride_w = 0;
  EXPECT_EQ(code(ConvAlgorithm::kDirect, bad, weights, {}), Code::kInvalidArgument);
  bad = spec;
  bad.groups = 3;  // of no whole number of channels
  EXPECT_EQ(code(ConvAlgorithm::kDirect, bad, weights, {}), Code::kInvalidArgument);
  bad = spec;
  bad.stride_h = 2;
  EXPECT_EQ(code(ConvAlgorithm::kWinograd4, bad, weights, {}), Code::kInvalidArgument);
  bad = spec;
  bad.in_channels = bad.out_channels = int64_t{1} << 30;
  EXPECT_EQ(code(ConvAlgorithm::kDirect, bad, weights, {}), Code::kTooLarge);
}

TEST(Conv, RefusesImpossibleShapes) {
  const ConvSpec spec{.in_channels = 16, .out_channels = 16, .kernel_h = 3, .kernel_w = 3};
  auto conv = Conv::Create(ConvAlgorithm::kDirect, spec, RandomFloats(16 * 16 * 9, 1), {});
  ASSERT_TRUE(conv.has_value());
  const ConvShape shape{.in_h = 8, .in_w = 8, .out_h = 6, .out_w = 6};
  EXPECT_TRUE((*conv)->ScratchBytes(shape, 2).has_value());
  ConvShape bad = shape;
  bad.out_w = 0;
  EXPECT_EQ((*conv)->ScratchBytes(bad, 2).error().code(), Code::kInvalidArgument);
  bad = shape;
  bad.pad_top = -1;
  EXPECT_EQ((*conv)->ScratchBytes(bad, 2).error().code(), Code::kInvalidArgument);
  bad = shape;
  bad.out_h = bad.out_w = bad.in_h = bad.in_w = int64_t{1} << 30;
  EXPECT_EQ((*conv)->ScratchBytes(bad, 2).error().code(), Code::kTooLarge);
}

TEST(ChooseConvAlgorithm, FollowsShape) {
  const auto choose = [](const ConvSpec& spec, int64_t size, ConvChoice choice = {}) {
    return ChooseConvAlgorithm(
        spec, {.in_h = size, .in_w = size, .pad_top = 1, .out_h = size, .out_w = size}, choice);
  };
  ConvSpec spec{.in_channels = 64, .out_channels = 64, .kernel_h = 3, .kernel_w = 3};
  EXPECT_EQ(choose(spec, 56), ConvAlgorithm::kWinograd4);
  EXPECT_EQ(choose(spec, 7), ConvAlgorithm::kWinograd2);
  EXPECT_EQ(choose(spec, 56, {.allow_winograd = false}), ConvAlgorithm::kDirect);
  spec.stride_h = spec.stride_w = 2;
  EXPECT_EQ(choose(spec, 56), ConvAlgorithm::kDirect);
  spec.groups = 64;
  EXPECT_EQ(choose(spec, 56), ConvAlgorithm::kDepthwise);
  spec.groups = 8;  // of 8 channels
  EXPECT_EQ(choose(spec, 56), ConvAlgorithm::kDirect);
  EXPECT_EQ(choose({.in_channels = 3, .out_channels = 32, .kernel_h = 3, .kernel_w = 3}, 224,
                   {.input_is_nchw = true}),
            ConvAlgorithm::kFirstLayer);
  EXPECT_EQ(choose({.in_channels = 8, .out_channels = 8}, 5), ConvAlgorithm::kPointwise);
}

}  // namespace
}  // namespace wnn::kernels
