// Operators that move elements or only change shapes and types.
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

Tensor Int64s(const Ints& values) {
  return MakeTensor<int64_t>({static_cast<int64_t>(values.size())}, values);
}
Tensor Counting(Shape shape) {
  size_t n = 1;
  for (int64_t extent : shape) n *= static_cast<size_t>(extent);
  return MakeTensor<float>(std::move(shape), Iota<float>(n));
}

TEST(IdentityTest, PassesEveryType) {
  for (int64_t number = 1; auto dtype = DTypeFromOnnx(number); ++number) {
    if (*dtype == DType::kString) continue;
    auto x = Tensor::Allocate(*dtype, {3});
    ASSERT_TRUE(x.has_value());
    const auto filled = std::byte{*dtype == DType::kBool ? uint8_t{1} : uint8_t{0x11}};
    std::fill(x->bytes().begin(), x->bytes().end(), filled);
    auto outputs = NodeUnderTest{"Identity", 25}.Run(Inputs(std::move(*x)));
    ASSERT_TRUE(outputs.has_value()) << DTypeName(*dtype) << outputs.error().message();
    EXPECT_EQ(outputs->at(0).dtype(), *dtype);
    for (std::byte byte : outputs->at(0).bytes()) EXPECT_EQ(byte, filled);
  }
}

TEST(MelWeightMatrixTest, EdgesFarBeyondTheSpectrum) {
  const NodeUnderTest node{"MelWeightMatrix", 17};
  const auto inputs = [](float high) {
    const auto one = [](int64_t value) { return MakeTensor<int64_t>({}, {value}); };
    return Inputs(one(4), one(16), one(8000), MakeTensor<float>({}, {0}),
                  MakeTensor<float>({}, {high}));
  };
  EXPECT_TRUE(node.Run(inputs(1e30f)).has_value());
  EXPECT_EQ(node.Error(inputs(HUGE_VALF)).code(), Code::kInvalidArgument);
}

TEST(ReduceTest, TheLogarithmOfNothingInIntegers) {
  const auto x = [] { return MakeTensor<int64_t>({2}, {0, 0}); };
  EXPECT_EQ((NodeUnderTest{"ReduceLogSum", 18}.Values<int64_t>(Inputs(x()), {1})), Ints{INT64_MIN});
}

TEST(BitCastTest, MakesNoBoolsOfOtherBytes) {
  const auto cast = [](DType to) {
    return NodeUnderTest{"BitCast", 26, {Attr("to", static_cast<int64_t>(to))}};
  };
  const auto x = [] { return MakeTensor<uint8_t>({2}, {1, 200}); };
  EXPECT_EQ(cast(DType::kInt8).Values<int8_t>(Inputs(x()), {2}), (std::vector<int8_t>{1, -56}));
  EXPECT_EQ(cast(DType::kBool).Error(Inputs(x())).code(), Code::kUnsupportedOperation);
}

TEST(ReshapeTest, ZeroCopiesAndMinusOneInfers) {
  NodeUnderTest reshape{"Reshape", 14};
  EXPECT_EQ(reshape.Values<float>(Inputs(Counting({2, 3, 4}), Int64s({0, -1, 2})), {2, 6, 2}),
            Iota<float>(24));
  EXPECT_EQ(reshape.Values<float>(Inputs(Counting({1}), Int64s({})), {}), Floats{0});
  EXPECT_EQ(reshape.Values<float>(Inputs(Counting({0, 3}), Int64s({0, -1})), {0, 0}).size(), 0u);
  NodeUnderTest allow_zero{"Reshape", 14, {Attr("allowzero", 1)}};
  EXPECT_EQ(allow_zero.Values<float>(Inputs(Counting({0, 3}), Int64s({5, 0})), {5, 0}).size(), 0u);
  EXPECT_EQ((NodeUnderTest{"Reshape", 1, {Attr("shape", Ints{3, -1})}}.Values<float>(
                Inputs(Counting({2, 3})), {3, 2})),
            Iota<float>(6));
}

TEST(ReshapeTest, RefusesShapesThatDoNotFit) {
  NodeUnderTest reshape{"Reshape", 14};
  for (const Ints& shape : {Ints{5}, Ints{-1, -1}, Ints{-2, 3}, Ints{0, 0, 0}, Ints{4, -1},
                            Ints{int64_t{1} << 62, 8, -1}}) {
    Status status = reshape.Error(Inputs(Counting({2, 3}), Int64s(shape)));
    EXPECT_TRUE(status.code() == Code::kInvalidArgument || status.code() == Code::kTooLarge)
        << status.message();
  }
}

TEST(ViewTest, FlattenSqueezeUnsqueeze) {
  EXPECT_EQ((NodeUnderTest{"Flatten"}.Values<float>(Inputs(Counting({2, 3, 4})), {2, 12})),
            Iota<float>(24));
  EXPECT_EQ((NodeUnderTest{"Flatten", 13, {Attr("axis", 0)}}.Values<float>(Inputs(Counting({2, 3})),
                                                                           {1, 6})),
            Iota<float>(6));
  EXPECT_EQ((NodeUnderTest{"Flatten", 13, {Attr("axis", -1)}}.Values<float>(
                Inputs(Counting({2, 3, 4})), {6, 4})),
            Iota<float>(24));
  NodeUnderTest{"Squeeze", 13}.Values<float>(Inputs(Counting({1, 3, 1})), {3});
  NodeUnderTest{"Squeeze", 13}.Values<float>(Inputs(Counting({1, 3, 1}), Int64s({-1})), {1, 3});
  NodeUnderTest{"Squeeze", 11, {Attr("axes", Ints{0})}}.Values<float>(Inputs(Counting({1, 3, 1})),
                                                                      {3, 1});
  NodeUnderTest{"Unsqueeze", 13}.Values<float>(Inputs(Counting({3}), Int64s({0, -1})), {1, 3, 1});
  NodeUnderTest{"Unsqueeze", 11, {Attr("axes", Ints{1})}}.Values<float>(Inputs(Counting({3})),
                                                                        {3, 1});
  EXPECT_EQ((NodeUnderTest{"Squeeze", 13}.Error(Inputs(Counting({2, 3}), Int64s({0}))).code()),
            Code::kInvalidArgument);
  EXPECT_EQ((NodeUnderTest{"Unsqueeze", 13}.Error(Inputs(Counting({3}), Int64s({0, 0}))).code()),
            Code::kInvalidArgument);
}

TEST(ViewTest, ShapeAndSize) {
  EXPECT_EQ((NodeUnderTest{"Shape", 13}.Values<int64_t>(Inputs(Counting({2, 3, 4})), {3})),
            (Ints{2, 3, 4}));
  EXPECT_EQ((NodeUnderTest{"Shape", 15, {Attr("start", -2), Attr("end", 100)}}.Values<int64_t>(
                Inputs(Counting({2, 3, 4})), {2})),
            (Ints{3, 4}));
  EXPECT_EQ((NodeUnderTest{"Size", 13}.Values<int64_t>(Inputs(Counting({2, 3})), {})), Ints{6});
}

TEST(DropoutTest, HandsOnItsInput) {
  NodeUnderTest dropout{"Dropout", 13, {}, 2};
  auto outputs = dropout.Run(Inputs(Counting({2, 2})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(testing::ValuesOf<float>(outputs->at(0)), Iota<float>(4));
  EXPECT_EQ(testing::ValuesOf<bool>(outputs->at(1)), std::vector<bool>(4, true));
}

TEST(TransposeTest, PermutesAndReverses) {
  EXPECT_EQ((NodeUnderTest{"Transpose"}.Values<float>(Inputs(Counting({2, 3})), {3, 2})),
            (Floats{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ((NodeUnderTest{"Transpose", 13, {Attr("perm", Ints{0, 2, 1})}}.Values<int8_t>(
                Inputs(MakeTensor<int8_t>({1, 2, 2}, {1, 2, 3, 4})), {1, 2, 2})),
            (std::vector<int8_t>{1, 3, 2, 4}));
  EXPECT_EQ((NodeUnderTest{"Transpose", 13, {Attr("perm", Ints{0, 0})}}
                 .Error(Inputs(Counting({2, 3})))
                 .code()),
            Code::kInvalidArgument);
}

TEST(ConcatTest, AlongAnyAxis) {
  NodeUnderTest rows{"Concat", 13, {Attr("axis", 0)}};
  EXPECT_EQ(
      rows.Values<float>(Inputs(Counting({1, 2}), Counting({2, 2}), Counting({0, 2})), {3, 2}),
      (Floats{0, 1, 0, 1, 2, 3}));
  NodeUnderTest columns{"Concat", 13, {Attr("axis", -1)}};
  EXPECT_EQ(columns.Values<float>(Inputs(Counting({2, 1}), Counting({2, 2})), {2, 3}),
            (Floats{0, 0, 1, 1, 2, 3}));
  EXPECT_EQ(columns.Error(Inputs(Counting({2, 1}), Counting({3, 2}))).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(NodeUnderTest{"Concat"}.Error(Inputs(Counting({2}))).code(), Code::kInvalidArgument);
}

TEST(SplitTest, EqualAndGivenParts) {
  NodeUnderTest equal{"Split", 18, {Attr("axis", 1), Attr("num_outputs", 2)}, 2};
  auto outputs = equal.Run(Inputs(Counting({2, 3})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(testing::ValuesOf<float>(outputs->at(0)), (Floats{0, 1, 3, 4}));
  EXPECT_EQ(testing::ValuesOf<float>(outputs->at(1)), (Floats{2, 5}));
  NodeUnderTest given{"Split", 13, {}, 2};
  outputs = given.Run(Inputs(Counting({3}), Int64s({1, 2})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(testing::ValuesOf<float>(outputs->at(1)), (Floats{1, 2}));
  EXPECT_EQ(given.Error(Inputs(Counting({3}), Int64s({1, 1}))).code(), Code::kInvalidArgument);
}

TEST(SliceTest, FollowsNumpy) {
  NodeUnderTest slice{"Slice", 13};
  auto values = [&](Ints starts, Ints ends, Ints axes, Ints steps, int64_t expected_size) {
    return slice.Values<float>(
        Inputs(Counting({6}), Int64s(starts), Int64s(ends), Int64s(axes), Int64s(steps)),
        {expected_size});
  };
  EXPECT_EQ(values({1}, {4}, {0}, {1}, 3), (Floats{1, 2, 3}));
  EXPECT_EQ(values({-2}, {INT64_MAX}, {-1}, {1}, 2), (Floats{4, 5}));
  EXPECT_EQ(values({0}, {6}, {0}, {4}, 2), (Floats{0, 4}));
  EXPECT_EQ(values({5}, {INT64_MIN}, {0}, {-2}, 3), (Floats{5, 3, 1}));
  EXPECT_EQ(values({4}, {2}, {0}, {1}, 0), Floats{});
  EXPECT_EQ(values({100}, {-100}, {0}, {INT64_MIN}, 1), Floats{5});
  EXPECT_EQ(
      slice.Error(Inputs(Counting({6}), Int64s({0}), Int64s({1}), Int64s({0}), Int64s({0}))).code(),
      Code::kInvalidArgument);
  EXPECT_EQ(
      (NodeUnderTest{"Slice", 9, {Attr("starts", Ints{1}), Attr("ends", Ints{3})}}.Values<float>(
          Inputs(Counting({4})), {2})),
      (Floats{1, 2}));
  EXPECT_EQ(
      slice.Values<float>(
          Inputs(Counting({0, 2}), Int64s({0}), Int64s({5}), Int64s({0}), Int64s({-1})), {0, 2}),
      Floats{});
}

TEST(ExpandTest, RepeatsAndTiles) {
  EXPECT_EQ(
      (NodeUnderTest{"Expand"}.Values<float>(Inputs(Counting({2, 1}), Int64s({1, 3})), {2, 3})),
      (Floats{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ((NodeUnderTest{"Tile"}.Values<float>(Inputs(Counting({1, 2}), Int64s({2, 2})), {2, 4})),
            (Floats{0, 1, 0, 1, 0, 1, 0, 1}));
  EXPECT_EQ(NodeUnderTest{"Expand"}.Error(Inputs(Counting({2}), Int64s({3}))).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(NodeUnderTest{"Tile"}.Error(Inputs(Counting({2}), Int64s({-1}))).code(),
            Code::kInvalidArgument);
}

TEST(DepthToSpaceTest, BothOrders) {
  EXPECT_EQ((NodeUnderTest{"DepthToSpace", 13, {Attr("blocksize", 2)}}.Values<float>(
                Inputs(Counting({1, 8, 1, 1})), {1, 2, 2, 2})),
            (Floats{0, 2, 4, 6, 1, 3, 5, 7}));
  EXPECT_EQ(
      (NodeUnderTest{"DepthToSpace", 13, {Attr("blocksize", 2), Attr("mode", "CRD")}}.Values<float>(
          Inputs(Counting({1, 8, 1, 1})), {1, 2, 2, 2})),
      Iota<float>(8));
  EXPECT_EQ((NodeUnderTest{"SpaceToDepth", 13, {Attr("blocksize", 2)}}.Values<float>(
                Inputs(Counting({1, 1, 2, 2})), {1, 4, 1, 1})),
            Iota<float>(4));
}

TEST(DepthToSpaceTest, SpaceToDepthIsItsInverse) {
  for (const char* mode : {"DCR", "CRD"}) {
    auto deep = NodeUnderTest{"SpaceToDepth", 28, {Attr("blocksize", 2), Attr("mode", mode)}}.Run(
        Inputs(Counting({2, 3, 4, 6})));
    ASSERT_TRUE(deep.has_value()) << deep.error().message();
    EXPECT_EQ((NodeUnderTest{"DepthToSpace", 13, {Attr("blocksize", 2), Attr("mode", mode)}}
                   .Values<float>(*deep, {2, 3, 4, 6})),
              Iota<float>(144));
  }
}

TEST(GatherTest, PicksRowsAndRefusesBadIndices) {
  NodeUnderTest gather{"Gather", 13, {Attr("axis", 1)}};
  EXPECT_EQ(gather.Values<float>(Inputs(Counting({2, 3}), Int64s({2, -3})), {2, 2}),
            (Floats{2, 0, 5, 3}));
  EXPECT_EQ(NodeUnderTest{"Gather"}.Values<float>(
                Inputs(Counting({3, 2}), MakeTensor<int32_t>({}, {1})), {2}),
            (Floats{2, 3}));
  for (int64_t index : {int64_t{3}, int64_t{-4}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(gather.Error(Inputs(Counting({2, 3}), Int64s({index}))).code(), Code::kRuntimeError);
  }
}

TEST(GatherTest, ElementsAndSlices) {
  EXPECT_EQ((NodeUnderTest{"GatherElements", 13, {Attr("axis", 1)}}.Values<float>(
                Inputs(Counting({2, 3}), MakeTensor<int64_t>({2, 2}, {2, 0, -1, 1})), {2, 2})),
            (Floats{2, 0, 5, 4}));
  EXPECT_EQ((NodeUnderTest{"GatherND", 13}.Values<float>(
                Inputs(Counting({2, 2, 2}), MakeTensor<int64_t>({2, 2}, {0, 1, 1, 0})), {2, 2})),
            (Floats{2, 3, 4, 5}));
  EXPECT_EQ((NodeUnderTest{"GatherND", 13}
                 .Error(Inputs(Counting({2, 2}), MakeTensor<int64_t>({1, 2}, {0, 2})))
                 .code()),
            Code::kRuntimeError);
}

TEST(PadTest, ConstantAndCropping) {
  NodeUnderTest pad{"Pad", 13};
  EXPECT_EQ(pad.Values<float>(
                Inputs(Counting({2, 2}), Int64s({0, 1, 1, 0}), MakeTensor<float>({}, {9})), {3, 3}),
            (Floats{9, 0, 1, 9, 2, 3, 9, 9, 9}));
  EXPECT_EQ(pad.Values<float>(Inputs(Counting({4}), Int64s({-1, 1})), {4}), (Floats{1, 2, 3, 0}));
  EXPECT_EQ((NodeUnderTest{"Pad", 2, {Attr("pads", Ints{1, 0}), Attr("value", 5.0f)}}.Values<float>(
                Inputs(Counting({1})), {2})),
            (Floats{5, 0}));
  EXPECT_EQ(pad.Error(Inputs(Counting({2}), Int64s({-2, -1}))).code(), Code::kInvalidArgument);
  EXPECT_EQ(pad.Error(Inputs(Counting({2}), Int64s({INT64_MAX, 0}))).code(),
            Code::kInvalidArgument);
}

TEST(PadTest, FromTheInputItself) {
  const auto values = [](const char* mode, Ints pads, Shape shape) {
    return NodeUnderTest{"Pad", 19, {Attr("mode", mode)}}.Values<float>(
        Inputs(Counting({3}), Int64s(pads)), shape);
  };
  EXPECT_EQ(values("reflect", {2, 5}, {10}), (Floats{2, 1, 0, 1, 2, 1, 0, 1, 2, 1}));
  EXPECT_EQ(values("edge", {2, 1}, {6}), (Floats{0, 0, 0, 1, 2, 2}));
  EXPECT_EQ(values("wrap", {2, 1}, {6}), (Floats{1, 2, 0, 1, 2, 0}));
  EXPECT_EQ((NodeUnderTest{"Pad", 19, {Attr("mode", "reflect")}}
                 .Error(Inputs(Counting({1}), Int64s({1, 0})))
                 .code()),
            Code::kInvalidArgument);
}

TEST(CastTest, BetweenTypes) {
  auto cast = [](DType to) {
    return NodeUnderTest{"Cast", 13, {Attr("to", static_cast<int64_t>(to))}};
  };
  EXPECT_EQ(
      cast(DType::kInt32)
          .Values<int32_t>(Inputs(MakeTensor<float>({5}, {1.9f, -1.9f, 1e20f, -1e20f, NAN})), {5}),
      (std::vector<int32_t>{1, -1, INT32_MAX, INT32_MIN, 0}));
  EXPECT_EQ(cast(DType::kUint8).Values<uint8_t>(Inputs(MakeTensor<int32_t>({2}, {255, 257})), {2}),
            (std::vector<uint8_t>{255, 1}));
  EXPECT_EQ(cast(DType::kBool).Values<bool>(Inputs(MakeTensor<float>({3}, {0, 0.5f, NAN})), {3}),
            (std::vector<bool>{false, true, true}));
  EXPECT_EQ(cast(DType::kFloat).Values<float>(Inputs(MakeTensor<bool>({2}, {true, false})), {2}),
            (Floats{1, 0}));
  EXPECT_EQ(
      cast(DType::kFloat)
          .Values<float>(Inputs(MakeTensor<kernels::Bfloat16>({1}, {kernels::ToBfloat16(2)})), {1}),
      Floats{2});
  EXPECT_EQ((NodeUnderTest{"Cast", 1, {Attr("to", "FLOAT")}}.Values<float>(
                Inputs(MakeTensor<int64_t>({1}, {3})), {1})),
            Floats{3});
  EXPECT_EQ(cast(static_cast<DType>(99)).Error(Inputs(Counting({1}))).code(),
            Code::kInvalidArgument);
}

TEST(ConstantTest, EveryKind) {
  EXPECT_EQ(
      (NodeUnderTest{"Constant", 13, {Attr("value_ints", Ints{1, 2})}}.Values<int64_t>({}, {2})),
      (Ints{1, 2}));
  EXPECT_EQ((NodeUnderTest{"Constant", 13, {Attr("value_float", 2.5f)}}.Values<float>({}, {})),
            Floats{2.5f});
  EXPECT_EQ((NodeUnderTest{"Constant", 13, {testing::TensorAttr<int8_t>("value", {2}, {3, 4})}}
                 .Values<int8_t>({}, {2})),
            (std::vector<int8_t>{3, 4}));
  EXPECT_EQ((NodeUnderTest{"ConstantOfShape", 9, {testing::TensorAttr<int32_t>("value", {1}, {7})}}
                 .Values<int32_t>(Inputs(Int64s({2, 1})), {2, 1})),
            (std::vector<int32_t>{7, 7}));
  EXPECT_EQ((NodeUnderTest{"ConstantOfShape", 9}.Values<float>(Inputs(Int64s({})), {})), Floats{0});
  EXPECT_EQ((NodeUnderTest{"ConstantOfShape", 9}.Error(Inputs(Int64s({-1}))).code()),
            Code::kInvalidArgument);
}

TEST(RangeTest, CountsUpAndDown) {
  auto range = [](int64_t start, int64_t limit, int64_t step, int64_t n) {
    return NodeUnderTest{"Range"}.Values<int64_t>(
        Inputs(MakeTensor<int64_t>({}, {start}), MakeTensor<int64_t>({}, {limit}),
               MakeTensor<int64_t>({}, {step})),
        {n});
  };
  EXPECT_EQ(range(1, 6, 2, 3), (Ints{1, 3, 5}));
  EXPECT_EQ(range(3, 0, -1, 3), (Ints{3, 2, 1}));
  EXPECT_EQ(range(3, 0, 1, 0), Ints{});
  EXPECT_EQ(range(INT64_MIN, INT64_MAX, INT64_MAX, 3), (Ints{INT64_MIN, -1, INT64_MAX - 1}));
  auto error = [](int64_t limit, int64_t step) {
    return NodeUnderTest{"Range"}
        .Error(Inputs(MakeTensor<int64_t>({}, {0}), MakeTensor<int64_t>({}, {limit}),
                      MakeTensor<int64_t>({}, {step})))
        .code();
  };
  EXPECT_EQ(error(5, 0), Code::kInvalidArgument);
  EXPECT_EQ(error(INT64_MAX, 1), Code::kInvalidArgument);
}

}  // namespace
}  // namespace wnn::ops
