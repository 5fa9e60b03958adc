#include <gtest/gtest.h>

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

Tensor Ones(Shape shape) {
  size_t n = 1;
  for (int64_t extent : shape) n *= static_cast<size_t>(extent);
  return MakeTensor<float>(std::move(shape), Floats(n, 1));
}

TEST(ConvTest, PadsAndStrides) {
  NodeUnderTest conv{"Conv", 11, {Attr("pads", Ints{1, 1, 1, 1})}};
  EXPECT_EQ(conv.Values<float>(Inputs(Ones({1, 1, 3, 3}), Ones({1, 1, 3, 3})), {1, 1, 3, 3}),
            (Floats{4, 6, 4, 6, 9, 6, 4, 6, 4}));
  conv.attributes.push_back(Attr("strides", Ints{2, 2}));
  EXPECT_EQ(conv.Values<float>(Inputs(Ones({1, 1, 3, 3}), Ones({1, 1, 3, 3})), {1, 1, 2, 2}),
            Floats(4, 4));
}

TEST(ConvTest, AutoPad) {
  // Width 4, kernel 3, stride 2: one column of padding, at the end or at the beginning.
  NodeUnderTest upper{"Conv", 11, {Attr("auto_pad", "SAME_UPPER"), Attr("strides", Ints{2})}};
  EXPECT_EQ(upper.Values<float>(Inputs(MakeTensor<float>({1, 1, 4}, {1, 2, 3, 4}), Ones({1, 1, 3})),
                                {1, 1, 2}),
            (Floats{6, 7}));
  NodeUnderTest lower{"Conv", 11, {Attr("auto_pad", "SAME_LOWER"), Attr("strides", Ints{2})}};
  EXPECT_EQ(lower.Values<float>(Inputs(MakeTensor<float>({1, 1, 4}, {1, 2, 3, 4}), Ones({1, 1, 3})),
                                {1, 1, 2}),
            (Floats{3, 9}));
  NodeUnderTest valid{"Conv", 11, {Attr("auto_pad", "VALID")}};
  EXPECT_EQ(valid.Values<float>(Inputs(MakeTensor<float>({1, 1, 4}, {1, 2, 3, 4}), Ones({1, 1, 3})),
                                {1, 1, 2}),
            (Floats{6, 9}));
}

TEST(ConvTest, GroupsAndBias) {
  NodeUnderTest conv{"Conv", 11, {Attr("group", 2)}};
  EXPECT_EQ(conv.Values<float>(
                Inputs(MakeTensor<float>({1, 2, 1, 2}, {1, 2, 3, 4}),
                       MakeTensor<float>({2, 1, 1, 1}, {10, 100}), MakeTensor<float>({2}, {1, 2})),
                {1, 2, 1, 2}),
            (Floats{11, 21, 302, 402}));
}

TEST(ConvTest, RefusesWhatDoesNotFit) {
  NodeUnderTest conv{"Conv", 11};
  // channels, ranks, kernel larger than the input, bias
  EXPECT_EQ(conv.Error(Inputs(Ones({1, 2, 3, 3}), Ones({1, 3, 3, 3}))).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(conv.Error(Inputs(Ones({1, 2, 3}), Ones({1, 2, 3, 3}))).code(), Code::kInvalidArgument);
  EXPECT_EQ(conv.Error(Inputs(Ones({1, 1, 2, 2}), Ones({1, 1, 3, 3}))).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(conv.Error(Inputs(Ones({1, 1, 3, 3}), Ones({2, 1, 3, 3}), Ones({3}))).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(
      conv.Error(Inputs(MakeTensor<int32_t>({1, 1, 1}, {1}), MakeTensor<int32_t>({1, 1, 1}, {1})))
          .code(),
      Code::kUnsupportedOperation);
}

TEST(ConvTest, RefusesBadAttributes) {
  for (const auto& attribute :
       {Attr("group", 0), Attr("group", -1), Attr("strides", Ints{0, 1}), Attr("strides", Ints{1}),
        Attr("dilations", Ints{1, int64_t{1} << 62}), Attr("pads", Ints{-1, 0, 0, 0}),
        Attr("pads", Ints{INT64_MAX, 0, 0, INT64_MAX}), Attr("kernel_shape", Ints{5, 5}),
        Attr("auto_pad", "SOME"), Attr("strides", 1)}) {
    NodeUnderTest conv{"Conv", 11, {attribute}};
    Status status = conv.Error(Inputs(Ones({1, 1, 8, 8}), Ones({1, 1, 3, 3})));
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << attribute.name << ": " << status.message();
    EXPECT_NE(status.message().find("'node' (Conv)"), std::string_view::npos) << status.message();
  }
}

TEST(PoolTest, MaxPool) {
  NodeUnderTest pool{
      "MaxPool", 12, {Attr("kernel_shape", Ints{2, 2}), Attr("strides", Ints{2, 2})}};
  EXPECT_EQ(
      pool.Values<float>(Inputs(MakeTensor<float>({1, 1, 3, 4}, Iota<float>(12))), {1, 1, 1, 2}),
      (Floats{5, 7}));
  pool.attributes.push_back(Attr("ceil_mode", 1));
  EXPECT_EQ(
      pool.Values<float>(Inputs(MakeTensor<float>({1, 1, 3, 4}, Iota<float>(12))), {1, 1, 2, 2}),
      (Floats{5, 7, 9, 11}));
}

TEST(PoolTest, MaxPoolIndices) {
  for (int64_t storage_order : {0, 1}) {
    NodeUnderTest pool{
        "MaxPool", 12, {Attr("kernel_shape", Ints{2, 2}), Attr("storage_order", storage_order)}, 2};
    auto outputs = pool.Run(Inputs(MakeTensor<float>({1, 2, 2, 2}, {4, 1, 2, 3, 0, 0, 9, 0})));
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
    EXPECT_EQ(testing::ValuesOf<float>(outputs->at(0)), (Floats{4, 9}));
    EXPECT_EQ(testing::ValuesOf<int64_t>(outputs->at(1)), (Ints{0, storage_order == 0 ? 6 : 5}));
  }
}

TEST(PoolTest, MaxPoolKeepsNaNAndIgnoresPadding) {
  NodeUnderTest pool{"MaxPool", 12, {Attr("kernel_shape", Ints{3}), Attr("pads", Ints{1, 1})}};
  testing::ExpectNear(
      pool.Values<float>(Inputs(MakeTensor<float>({1, 1, 4}, {-5, -4, NAN, -6})), {1, 1, 4}),
      {-4, NAN, NAN, NAN}, 0);
}

TEST(PoolTest, AveragePoolCountsPaddingOnlyWhenAsked) {
  NodeUnderTest pool{"AveragePool", 11, {Attr("kernel_shape", Ints{3}), Attr("pads", Ints{1, 1})}};
  EXPECT_EQ(pool.Values<float>(Inputs(MakeTensor<float>({1, 1, 3}, {3, 6, 9})), {1, 1, 3}),
            (Floats{4.5, 6, 7.5}));
  pool.attributes.push_back(Attr("count_include_pad", 1));
  EXPECT_EQ(pool.Values<float>(Inputs(MakeTensor<float>({1, 1, 3}, {3, 6, 9})), {1, 1, 3}),
            (Floats{3, 6, 5}));
}

TEST(PoolTest, GlobalPools) {
  EXPECT_EQ((NodeUnderTest{"GlobalAveragePool"}.Values<float>(
                Inputs(MakeTensor<float>({1, 2, 2, 2}, Iota<float>(8))), {1, 2, 1, 1})),
            (Floats{1.5, 5.5}));
  EXPECT_EQ((NodeUnderTest{"GlobalMaxPool"}.Values<float>(
                Inputs(MakeTensor<float>({1, 2, 4}, Iota<float>(8))), {1, 2, 1})),
            (Floats{3, 7}));
}

}  // namespace
}  // namespace wnn::ops
