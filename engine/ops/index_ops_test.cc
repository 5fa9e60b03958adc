// Quantisation, and operators that walk, sort or scatter along an axis.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::Inputs;
using testing::Iota;
using testing::MakeTensor;
using testing::NodeUnderTest;

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Bytes = std::vector<uint8_t>;

TEST(QuantizeTest, RoundsToEvenAndSaturates) {
  NodeUnderTest quantize{"QuantizeLinear", 13};
  EXPECT_EQ(
      quantize.Values<uint8_t>(Inputs(MakeTensor<float>({6}, {-300, 1, 3, 5, 250, 1000}),
                                      MakeTensor<float>({}, {2}), MakeTensor<uint8_t>({}, {128})),
                               {6}),
      (Bytes{0, 128, 130, 130, 253, 255}));
  EXPECT_EQ(quantize.Values<uint8_t>(
                Inputs(MakeTensor<float>({2}, {-1, 7}), MakeTensor<float>({}, {1})), {2}),
            (Bytes{0, 7}));
}

TEST(QuantizeTest, AScaleForEachChannel) {
  NodeUnderTest quantize{"QuantizeLinear", 13, {Attr("axis", 1)}};
  EXPECT_EQ(quantize.Values<int8_t>(
                Inputs(MakeTensor<float>({1, 2, 2}, {2, 4, 8, -200}),
                       MakeTensor<float>({2}, {2, 1}), MakeTensor<int8_t>({2}, {0, 10})),
                {1, 2, 2}),
            (std::vector<int8_t>{1, 2, 18, -128}));
  NodeUnderTest dequantize{"DequantizeLinear", 13, {Attr("axis", 0)}};
  EXPECT_EQ(dequantize.Values<float>(
                Inputs(MakeTensor<int8_t>({2, 2}, {1, 2, 3, -4}), MakeTensor<float>({2}, {2, 10}),
                       MakeTensor<int8_t>({2}, {0, 1})),
                {2, 2}),
            (Floats{2, 4, 20, -50}));
}

TEST(QuantizeTest, AScaleForEachBlock) {
  NodeUnderTest dequantize{"DequantizeLinear", 21, {Attr("axis", 1), Attr("block_size", 2)}};
  EXPECT_EQ(dequantize.Values<float>(Inputs(MakeTensor<uint8_t>({2, 3}, {1, 2, 3, 4, 5, 6}),
                                            MakeTensor<float>({2, 2}, {1, 10, 100, 1000})),
                                     {2, 3}),
            (Floats{1, 2, 30, 400, 500, 6000}));
}

TEST(QuantizeTest, RefusesScalesThatDoNotFit) {
  NodeUnderTest dequantize{"DequantizeLinear", 21};
  EXPECT_EQ(
      dequantize
          .Error(Inputs(MakeTensor<uint8_t>({2, 3}, Bytes(6)), MakeTensor<float>({2}, {1, 2})))
          .code(),
      Code::kInvalidArgument);
  EXPECT_EQ(dequantize
                .Error(Inputs(MakeTensor<uint8_t>({2, 3}, Bytes(6)),
                              MakeTensor<float>({2, 2}, {1, 2, 3, 4})))
                .code(),
            Code::kInvalidArgument);
  EXPECT_EQ(dequantize
                .Error(Inputs(MakeTensor<uint8_t>({1, 1}, {1}), MakeTensor<float>({}, {1}),
                              MakeTensor<uint8_t>({0}, {})))
                .code(),
            Code::kInvalidArgument);
}

TEST(QuantizeTest, DynamicRangeIncludesZero) {
  NodeUnderTest quantize{"DynamicQuantizeLinear", 11, {}, 3};
  auto outputs = quantize.Run(Inputs(MakeTensor<float>({3}, {0, 255, 510})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(testing::ValuesOf<uint8_t>(outputs->at(0)), (Bytes{0, 128, 255}));
  EXPECT_EQ(testing::ValuesOf<float>(outputs->at(1)), Floats{2});
  EXPECT_EQ(testing::ValuesOf<uint8_t>(outputs->at(2)), Bytes{0});
}

TEST(CumulativeTest, AlongAnAxisEitherWay) {
  auto run = [](const char* op, std::vector<testing::BuilderAttribute> attributes) {
    return NodeUnderTest{op, 26, std::move(attributes)}.Values<float>(
        Inputs(MakeTensor<float>({2, 3}, {1, 2, 3, 4, 5, 6}), MakeTensor<int64_t>({}, {-1})),
        {2, 3});
  };
  EXPECT_EQ(run("CumSum", {}), (Floats{1, 3, 6, 4, 9, 15}));
  EXPECT_EQ(run("CumSum", {Attr("reverse", 1)}), (Floats{6, 5, 3, 15, 11, 6}));
  EXPECT_EQ(run("CumSum", {Attr("exclusive", 1)}), (Floats{0, 1, 3, 0, 4, 9}));
  EXPECT_EQ(run("CumProd", {}), (Floats{1, 2, 6, 4, 20, 120}));
}

TEST(TriluTest, KeepsOneSideOfADiagonal) {
  auto run = [](int64_t upper, int64_t k) {
    return NodeUnderTest{"Trilu", 14, {Attr("upper", upper)}}.Values<float>(
        Inputs(MakeTensor<float>({2, 3}, Iota<float>(6, 1)), MakeTensor<int64_t>({}, {k})), {2, 3});
  };
  EXPECT_EQ(run(1, 0), (Floats{1, 2, 3, 0, 5, 6}));
  EXPECT_EQ(run(1, 1), (Floats{0, 2, 3, 0, 0, 6}));
  EXPECT_EQ(run(0, 0), (Floats{1, 0, 0, 4, 5, 0}));
  EXPECT_EQ(run(0, -5), Floats(6, 0));
  EXPECT_EQ(run(0, INT64_MAX), Iota<float>(6, 1));
  EXPECT_EQ(run(1, INT64_MIN), Iota<float>(6, 1));
}

TEST(TopKTest, LargestSmallestAndTies) {
  NodeUnderTest largest{"TopK", 11, {}, 2};
  auto outputs = largest.Run(
      Inputs(MakeTensor<float>({2, 4}, {1, 4, 4, 2, 9, NAN, 7, 8}), MakeTensor<int64_t>({1}, {2})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(testing::ValuesOf<int64_t>(outputs->at(1)), (Ints{1, 2, 1, 0}));
  NodeUnderTest smallest{"TopK", 11, {Attr("axis", 0), Attr("largest", 0)}, 2};
  outputs =
      smallest.Run(Inputs(MakeTensor<int32_t>({3, 1}, {5, 3, 4}), MakeTensor<int64_t>({1}, {2})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(testing::ValuesOf<int32_t>(outputs->at(0)), (std::vector<int32_t>{3, 4}));
  EXPECT_EQ(
      largest.Error(Inputs(MakeTensor<float>({2}, {1, 2}), MakeTensor<int64_t>({1}, {3}))).code(),
      Code::kInvalidArgument);
}

TEST(OneHotTest, OnAtTheIndexAndOffOutOfRange) {
  EXPECT_EQ((NodeUnderTest{"OneHot", 11}.Values<float>(
                Inputs(MakeTensor<int64_t>({3}, {1, -1, 7}), MakeTensor<int64_t>({}, {3}),
                       MakeTensor<float>({2}, {0, 5})),
                {3, 3})),
            (Floats{0, 5, 0, 0, 0, 5, 0, 0, 0}));
  EXPECT_EQ((NodeUnderTest{"OneHot", 11, {Attr("axis", 0)}}.Values<bool>(
                Inputs(MakeTensor<int32_t>({2}, {0, 1}), MakeTensor<float>({1}, {2}),
                       MakeTensor<bool>({2}, {false, true})),
                {2, 2})),
            (std::vector<bool>{true, false, false, true}));
}

TEST(ScatterTest, ElementsWithAndWithoutReduction) {
  auto data = [] { return MakeTensor<float>({1, 4}, {1, 2, 3, 4}); };
  auto indices = [](Ints values) { return MakeTensor<int64_t>({1, 2}, values); };
  auto updates = [] { return MakeTensor<float>({1, 2}, {10, 20}); };
  NodeUnderTest scatter{"ScatterElements", 18, {Attr("axis", 1)}};
  EXPECT_EQ(scatter.Values<float>(Inputs(data(), indices({1, -1}), updates()), {1, 4}),
            (Floats{1, 10, 3, 20}));
  scatter.attributes.push_back(Attr("reduction", "add"));
  EXPECT_EQ(scatter.Values<float>(Inputs(data(), indices({2, 2}), updates()), {1, 4}),
            (Floats{1, 2, 33, 4}));
  for (int64_t bad : {int64_t{4}, int64_t{-5}, INT64_MIN}) {
    EXPECT_EQ(scatter.Error(Inputs(data(), indices({0, bad}), updates())).code(),
              Code::kRuntimeError);
  }
}

TEST(ScatterTest, SlicesByRowsOfIndices) {
  NodeUnderTest scatter{"ScatterND", 18};
  EXPECT_EQ(scatter.Values<float>(Inputs(MakeTensor<float>({3, 2}, Iota<float>(6)),
                                         MakeTensor<int64_t>({2, 1}, {2, 0}),
                                         MakeTensor<float>({2, 2}, {10, 20, 30, 40})),
                                  {3, 2}),
            (Floats{30, 40, 2, 3, 10, 20}));
  EXPECT_EQ(scatter
                .Error(Inputs(MakeTensor<float>({3}, {1, 2, 3}), MakeTensor<int64_t>({1, 1}, {3}),
                              MakeTensor<float>({1}, {9})))
                .code(),
            Code::kRuntimeError);
  EXPECT_EQ(scatter
                .Error(Inputs(MakeTensor<float>({3}, {1, 2, 3}), MakeTensor<int64_t>({1, 1}, {0}),
                              MakeTensor<float>({2}, {9, 9})))
                .code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace wnn::ops
