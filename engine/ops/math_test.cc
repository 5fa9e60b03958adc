// Operators of one and two elements, products, reductions, normalisation.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::ExpectNear;
using testing::Inputs;
using testing::Iota;
using testing::MakeTensor;
using testing::NodeUnderTest;

using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(UnaryTest, ActivationsAtTelltalePoints) {
  struct Row {
    NodeUnderTest node;
    Floats in, out;
  };
  const Row rows[] = {
      {{"Relu"}, {-2, 0, 3, NAN, kInf}, {0, 0, 3, NAN, kInf}},
      {{"LeakyRelu", 16, {Attr("alpha", 0.1f)}}, {-2, 0, 3}, {-0.2f, 0, 3}},
      {{"Elu", 6}, {-1, 0, 2}, {std::expm1(-1.0f), 0, 2}},
      {{"Selu", 6}, {-1, 1}, {-1.1113307f, 1.0507010f}},
      {{"Sigmoid"}, {-1000, 0, 1000, NAN}, {0, 0.5f, 1, NAN}},
      {{"HardSigmoid"}, {-10, 0, 10}, {0, 0.5f, 1}},
      {{"HardSwish", 14}, {-4, 0, 1, 4}, {0, 0, 4.0f / 6, 4}},
      {{"Tanh"}, {-kInf, 0, kInf}, {-1, 0, 1}},
      {{"Softplus"}, {-1000, 0, 1000}, {0, 0.6931472f, 1000}},
      {{"Softsign"}, {-1, 0, 3}, {-0.5f, 0, 0.75f}},
      {{"Erf"}, {0, 1}, {0, 0.8427008f}},
      {{"Gelu", 20}, {-1, 0, 1}, {-0.1586553f, 0, 0.8413447f}},
      {{"Gelu", 20, {Attr("approximate", "tanh")}}, {1}, {0.8411920f}},
      {{"Mish", 18}, {1}, {0.8650984f}},
      {{"ThresholdedRelu", 10}, {0.5f, 1, 2}, {0, 0, 2}},
      {{"Round", 11}, {0.5f, 1.5f, -2.5f, 2.6f}, {0, 2, -2, 3}},
      {{"Sign"}, {-3, 0, 7, NAN}, {-1, 0, 1, NAN}},
      {{"Reciprocal"}, {4, -0.5f}, {0.25f, -2}},
      {{"Abs"}, {-3, 3}, {3, 3}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.node.op_type);
    const Shape shape = {static_cast<int64_t>(row.in.size())};
    ExpectNear(row.node.Values<float>(Inputs(MakeTensor<float>(shape, row.in)), shape), row.out,
               2e-7f);
  }
}

TEST(UnaryTest, LongTensorsAreSplitWithoutGaps) {
  const size_t n = 100'003;
  const Floats in = testing::Noise(n);
  Floats expected = in;
  for (float& value : expected) value = value < 0 ? 0 : value;
  EXPECT_EQ(
      (NodeUnderTest{"Relu"}.Values<float>(Inputs(MakeTensor<float>({static_cast<int64_t>(n)}, in)),
                                           {static_cast<int64_t>(n)})),
      expected);
}

TEST(UnaryTest, OtherTypes) {
  EXPECT_EQ(
      (NodeUnderTest{"Abs"}.Values<int8_t>(Inputs(MakeTensor<int8_t>({3}, {-128, -1, 5})), {3})),
      (std::vector<int8_t>{-128, 1, 5}));
  EXPECT_EQ((NodeUnderTest{"Sqrt"}.Values<double>(Inputs(MakeTensor<double>({}, {2})), {})),
            std::vector<double>{std::sqrt(2.0)});
  auto half =
      NodeUnderTest{"Exp"}.Run(Inputs(MakeTensor<kernels::Float16>({1}, {kernels::ToFloat16(1)})));
  ASSERT_TRUE(half.has_value());
  EXPECT_EQ(testing::ValuesOf<kernels::Float16>(half->at(0))[0].bits,
            kernels::ToFloat16(2.7182817f).bits);
  EXPECT_EQ((NodeUnderTest{"Not"}.Values<bool>(Inputs(MakeTensor<bool>({2}, {true, false})), {2})),
            (std::vector<bool>{false, true}));
  EXPECT_EQ(NodeUnderTest{"Exp"}.Error(Inputs(MakeTensor<int32_t>({1}, {1}))).code(),
            Code::kUnsupportedOperation);
}

TEST(ClipTest, BoundsByAttributeAndByInput) {
  EXPECT_EQ((NodeUnderTest{"Clip", 6, {Attr("min", 0.0f), Attr("max", 6.0f)}}.Values<float>(
                Inputs(MakeTensor<float>({3}, {-1, 3, 9})), {3})),
            (Floats{0, 3, 6}));
  NodeUnderTest clip{"Clip", 13};
  EXPECT_EQ(clip.Values<float>(Inputs(MakeTensor<float>({3}, {-1, 3, 9}),
                                      MakeTensor<float>({}, {0}), MakeTensor<float>({}, {6})),
                               {3}),
            (Floats{0, 3, 6}));
  EXPECT_EQ(clip.Values<int8_t>(Inputs(MakeTensor<int8_t>({2}, {-100, 100}), Tensor(),
                                       MakeTensor<int8_t>({}, {50})),
                                {2}),
            (std::vector<int8_t>{-100, 50}));
  ExpectNear(clip.Values<float>(Inputs(MakeTensor<float>({2}, {NAN, 5}), MakeTensor<float>({}, {3}),
                                       MakeTensor<float>({}, {1})),
                                {2}),
             {NAN, 1}, 0);
  EXPECT_EQ(clip.Error(Inputs(MakeTensor<float>({1}, {0}), MakeTensor<float>({2}, {0, 1}))).code(),
            Code::kInvalidArgument);
}

TEST(BinaryTest, Broadcasts) {
  NodeUnderTest add{"Add", 14};
  EXPECT_EQ(add.Values<float>(Inputs(MakeTensor<float>({2, 3}, Iota<float>(6)),
                                     MakeTensor<float>({3}, {10, 20, 30})),
                              {2, 3}),
            (Floats{10, 21, 32, 13, 24, 35}));
  EXPECT_EQ(add.Values<float>(
                Inputs(MakeTensor<float>({2, 1}, {1, 2}), MakeTensor<float>({1, 3}, {10, 20, 30})),
                {2, 3}),
            (Floats{11, 21, 31, 12, 22, 32}));
  EXPECT_EQ(
      add.Values<float>(Inputs(MakeTensor<float>({}, {1}), MakeTensor<float>({2}, {1, 2})), {2}),
      (Floats{2, 3}));
  EXPECT_EQ(add.Values<float>(
                Inputs(MakeTensor<float>({0, 3}, {}), MakeTensor<float>({3}, {1, 2, 3})), {0, 3}),
            Floats{});
  EXPECT_EQ(
      add.Error(Inputs(MakeTensor<float>({2}, {1, 2}), MakeTensor<float>({3}, {1, 2, 3}))).code(),
      Code::kInvalidArgument);
  EXPECT_EQ(add.Error(Inputs(MakeTensor<float>({1}, {1}), MakeTensor<int32_t>({1}, {1}))).code(),
            Code::kInvalidArgument);
}

TEST(BinaryTest, BroadcastsTheOldWay) {
  NodeUnderTest add{"Add", 6, {Attr("broadcast", 1), Attr("axis", 0)}};
  EXPECT_EQ(add.Values<float>(
                Inputs(MakeTensor<float>({2, 2}, {1, 2, 3, 4}), MakeTensor<float>({2}, {10, 20})),
                {2, 2}),
            (Floats{11, 12, 23, 24}));
}

TEST(BinaryTest, PReluHasASlopeForEachChannel) {
  EXPECT_EQ(
      (NodeUnderTest{"PRelu", 6}.Values<float>(
          Inputs(MakeTensor<float>({1, 2, 2}, {-1, 1, -1, 1}), MakeTensor<float>({2}, {2, 3})),
          {1, 2, 2})),
      (Floats{-2, 1, -3, 1}));
  EXPECT_EQ(
      (NodeUnderTest{"PRelu", 16}.Values<float>(
          Inputs(MakeTensor<float>({1, 2, 2}, {-1, 1, -1, -1}), MakeTensor<float>({2, 1}, {2, 3})),
          {1, 2, 2})),
      (Floats{-2, 1, -3, -3}));
}

TEST(BinaryTest, IntegersWrapAndNeverTrap) {
  constexpr int64_t kLowest = INT64_MIN, kHighest = INT64_MAX;
  auto run = [](const char* op, Ints a, Ints b) {
    const Shape shape = {static_cast<int64_t>(a.size())};
    return NodeUnderTest{op, 14}.Values<int64_t>(
        Inputs(MakeTensor<int64_t>(shape, a), MakeTensor<int64_t>(shape, b)), shape);
  };
  EXPECT_EQ(run("Add", {kHighest}, {1}), Ints{kLowest});
  EXPECT_EQ(run("Sub", {kLowest}, {1}), Ints{kHighest});
  EXPECT_EQ(run("Mul", {kLowest}, {-1}), Ints{kLowest});
  EXPECT_EQ(run("Div", {7, -7, 5, kLowest}, {2, 2, 0, -1}), (Ints{3, -3, 0, kLowest}));
  EXPECT_EQ(run("Mod", {7, -7, 7, 5, kLowest}, {3, 3, -3, 0, -1}), (Ints{1, 2, -2, 0, 0}));
  EXPECT_EQ((NodeUnderTest{"Mod", 13, {Attr("fmod", 1)}}.Values<int64_t>(
                Inputs(MakeTensor<int64_t>({2}, {-7, 7}), MakeTensor<int64_t>({2}, {3, -3})), {2})),
            (Ints{-1, 1}));
}

TEST(BinaryTest, ComparesAndDecides) {
  EXPECT_EQ((NodeUnderTest{"Less", 9}.Values<bool>(
                Inputs(MakeTensor<int32_t>({3}, {1, 2, 3}), MakeTensor<int32_t>({}, {2})), {3})),
            (std::vector<bool>{true, false, false}));
  EXPECT_EQ((NodeUnderTest{"Equal", 13}.Values<bool>(
                Inputs(MakeTensor<float>({2}, {NAN, 1}), MakeTensor<float>({2}, {NAN, 1})), {2})),
            (std::vector<bool>{false, true}));
  EXPECT_EQ((NodeUnderTest{"Where", 9}.Values<float>(
                Inputs(MakeTensor<bool>({2, 1}, {true, false}), MakeTensor<float>({2}, {1, 2}),
                       MakeTensor<float>({}, {9})),
                {2, 2})),
            (Floats{1, 2, 9, 9}));
}

TEST(BinaryTest, PowersAndFolds) {
  EXPECT_EQ(
      (NodeUnderTest{"Pow", 13}.Values<int32_t>(
          Inputs(MakeTensor<int32_t>({4}, {2, 3, -2, 5}), MakeTensor<int64_t>({4}, {10, 0, 3, -1})),
          {4})),
      (std::vector<int32_t>{1024, 1, -8, 0}));
  EXPECT_EQ((NodeUnderTest{"Pow", 13}.Values<float>(
                Inputs(MakeTensor<float>({2}, {2, 9}), MakeTensor<float>({2}, {3, 0.5f})), {2})),
            (Floats{8, 3}));
  EXPECT_EQ((NodeUnderTest{"Max", 13}.Values<float>(
                Inputs(MakeTensor<float>({2}, {1, 5}), MakeTensor<float>({}, {3}),
                       MakeTensor<float>({2}, {2, 2})),
                {2})),
            (Floats{3, 5}));
  EXPECT_EQ((NodeUnderTest{"Mean", 13}.Values<float>(
                Inputs(MakeTensor<float>({2}, {1, 5}), MakeTensor<float>({2}, {3, 7})), {2})),
            (Floats{2, 6}));
}

TEST(GemmTest, EveryOptionAndSize) {
  for (int64_t m : {1, 3, 70}) {
    for (int64_t trans_a : {0, 1}) {
      for (int64_t trans_b : {0, 1}) {
        const int64_t k = 5, n = 9;
        const auto a = testing::Noise(static_cast<size_t>(m * k), 1);
        const auto b = testing::Noise(static_cast<size_t>(k * n), 2);
        const auto c = testing::Noise(static_cast<size_t>(n), 3);
        Floats expected;
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            double sum = 0;
            for (int64_t x = 0; x < k; ++x) {
              const int64_t at = trans_a != 0 ? x * m + i : i * k + x;
              const int64_t bt = trans_b != 0 ? j * k + x : x * n + j;
              sum += static_cast<double>(a[static_cast<size_t>(at)]) * b[static_cast<size_t>(bt)];
            }
            expected.push_back(static_cast<float>(2 * sum + 0.5 * c[static_cast<size_t>(j)]));
          }
        }
        NodeUnderTest gemm{"Gemm",
                           13,
                           {Attr("transA", trans_a), Attr("transB", trans_b), Attr("alpha", 2.0f),
                            Attr("beta", 0.5f)}};
        ExpectNear(gemm.Values<float>(
                       Inputs(MakeTensor<float>(trans_a != 0 ? Shape{k, m} : Shape{m, k}, a),
                              MakeTensor<float>(trans_b != 0 ? Shape{n, k} : Shape{k, n}, b),
                              MakeTensor<float>({n}, c)),
                       {m, n}),
                   expected, 2e-6f);
      }
    }
  }
}

TEST(MatMulTest, BatchesBroadcast) {
  NodeUnderTest matmul{"MatMul", 13};
  EXPECT_EQ(matmul.Values<float>(Inputs(MakeTensor<float>({2, 1, 1, 2}, {1, 2, 3, 4}),
                                        MakeTensor<float>({2, 2, 1}, {1, 10, 100, 1000})),
                                 {2, 2, 1, 1}),
            (Floats{21, 2100, 43, 4300}));
}

TEST(MatMulTest, VectorsAreRowsAndColumns) {
  NodeUnderTest matmul{"MatMul", 13};
  EXPECT_EQ(matmul.Values<float>(
                Inputs(MakeTensor<float>({2}, {1, 2}), MakeTensor<float>({2}, {3, 4})), {}),
            Floats{11});
  EXPECT_EQ(matmul.Values<float>(Inputs(MakeTensor<float>({2}, {1, 2}),
                                        MakeTensor<float>({2, 3}, {1, 2, 3, 4, 5, 6})),
                                 {3}),
            (Floats{9, 12, 15}));
  EXPECT_EQ(
      matmul.Values<float>(
          Inputs(MakeTensor<float>({2, 2}, {1, 2, 3, 4}), MakeTensor<float>({2}, {1, 1})), {2}),
      (Floats{3, 7}));
  EXPECT_EQ(matmul.Values<float>(
                Inputs(MakeTensor<float>({2, 0}, {}), MakeTensor<float>({0, 1}, {})), {2, 1}),
            (Floats{0, 0}));
  EXPECT_EQ(matmul
                .Error(Inputs(MakeTensor<float>({2, 3}, Iota<float>(6)),
                              MakeTensor<float>({2, 3}, Iota<float>(6))))
                .code(),
            Code::kInvalidArgument);
}

TEST(ReduceTest, AxesAndKeepDims) {
  const auto x = [] { return MakeTensor<float>({2, 3}, Iota<float>(6)); };
  EXPECT_EQ(
      (NodeUnderTest{"ReduceMean", 13, {Attr("axes", Ints{1})}}.Values<float>(Inputs(x()), {2, 1})),
      (Floats{1, 4}));
  EXPECT_EQ(
      (NodeUnderTest{"ReduceMean", 13, {Attr("axes", Ints{-2}), Attr("keepdims", 0)}}.Values<float>(
          Inputs(x()), {3})),
      (Floats{1.5f, 2.5f, 3.5f}));
  EXPECT_EQ((NodeUnderTest{"ReduceSum", 13, {Attr("keepdims", 0)}}.Values<float>(Inputs(x()), {})),
            Floats{15});
  EXPECT_EQ((NodeUnderTest{"ReduceMax", 18}.Values<float>(
                Inputs(x(), MakeTensor<int64_t>({1}, {0})), {1, 3})),
            (Floats{3, 4, 5}));
  EXPECT_EQ((NodeUnderTest{"ReduceSum", 13, {Attr("noop_with_empty_axes", 1)}}.Values<float>(
                Inputs(x()), {2, 3})),
            Iota<float>(6));
  EXPECT_EQ((NodeUnderTest{"ReduceMean", 13, {Attr("axes", Ints{2})}}.Error(Inputs(x())).code()),
            Code::kInvalidArgument);
}

TEST(ReduceTest, EmptyAndExtremeValues) {
  EXPECT_EQ((NodeUnderTest{"ReduceSum", 13, {Attr("keepdims", 0)}}.Values<float>(
                Inputs(MakeTensor<float>({0}, {})), {})),
            Floats{0});
  EXPECT_EQ((NodeUnderTest{"ReduceMax", 13, {Attr("keepdims", 0)}}.Values<float>(
                Inputs(MakeTensor<float>({0}, {})), {})),
            Floats{-kInf});
  ExpectNear(NodeUnderTest{"ReduceLogSumExp", 13, {Attr("keepdims", 0)}}.Values<float>(
                 Inputs(MakeTensor<float>({2}, {1000, 1000})), {}),
             {1000.6931f}, 1e-3f);
  EXPECT_EQ((NodeUnderTest{"ArgMax", 13, {Attr("axis", 1), Attr("keepdims", 0)}}.Values<int64_t>(
                Inputs(MakeTensor<float>({2, 3}, {1, 5, 5, 7, 2, 1})), {2})),
            (Ints{1, 0}));
  EXPECT_EQ((NodeUnderTest{"ArgMin", 13, {Attr("select_last_index", 1), Attr("keepdims", 0)}}
                 .Values<int64_t>(Inputs(MakeTensor<int32_t>({4}, {3, 1, 1, 2})), {})),
            Ints{2});
}

TEST(SoftmaxTest, OneAxisOrAllThatFollow) {
  const auto x = [] { return MakeTensor<float>({1, 2, 2}, {0, 0, 1000, 1000}); };
  EXPECT_EQ((NodeUnderTest{"Softmax", 13}.Values<float>(Inputs(x()), {1, 2, 2})), Floats(4, 0.5f));
  // Before version 13 the four elements after axis 1 are one row.
  EXPECT_EQ((NodeUnderTest{"Softmax", 11}.Values<float>(Inputs(x()), {1, 2, 2})),
            (Floats{0, 0, 0.5f, 0.5f}));
  EXPECT_EQ((NodeUnderTest{"Softmax", 13, {Attr("axis", 1)}}.Values<float>(Inputs(x()), {1, 2, 2})),
            (Floats{0, 0, 1, 1}));
  ExpectNear(NodeUnderTest{"LogSoftmax", 13}.Values<float>(Inputs(x()), {1, 2, 2}),
             Floats(4, -0.6931472f), 1e-6f);
  EXPECT_EQ(
      (NodeUnderTest{"Hardmax", 13}.Values<float>(Inputs(MakeTensor<float>({3}, {1, 3, 3})), {3})),
      (Floats{0, 1, 0}));
}

TEST(NormTest, BatchNormalization) {
  NodeUnderTest norm{"BatchNormalization", 15, {Attr("epsilon", 0.0f)}};
  EXPECT_EQ(
      norm.Values<float>(Inputs(MakeTensor<float>({1, 2, 1, 2}, {1, 2, 3, 4}),
                                MakeTensor<float>({2}, {1, 2}), MakeTensor<float>({2}, {0, 10}),
                                MakeTensor<float>({2}, {1, 3}), MakeTensor<float>({2}, {1, 4})),
                         {1, 2, 1, 2}),
      (Floats{0, 1, 10, 11}));
}

TEST(NormTest, BatchNormalizationInTraining) {
  NodeUnderTest norm{"BatchNormalization",
                     15,
                     {Attr("epsilon", 0.0f), Attr("momentum", 0.75f), Attr("training_mode", 1)},
                     3};
  auto outputs = norm.Run(Inputs(MakeTensor<float>({2, 1}, {1, 5}), MakeTensor<float>({1}, {2}),
                                 MakeTensor<float>({1}, {10}), MakeTensor<float>({1}, {7}),
                                 MakeTensor<float>({1}, {8})));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  EXPECT_EQ(testing::ValuesOf<float>(outputs->at(0)), (Floats{8, 12}));
  // Of the batch: mean 3, variance 4; a quarter of them goes into the running ones.
  EXPECT_EQ(testing::ValuesOf<float>(outputs->at(1)), Floats{6});
  EXPECT_EQ(testing::ValuesOf<float>(outputs->at(2)), Floats{7});
}

TEST(NormTest, OthersAgainstTheirDefinition) {
  for (int opset : {12, 17}) {
    ExpectNear(NodeUnderTest{"LayerNormalization", opset, {Attr("epsilon", 0.0f)}}.Values<float>(
                   Inputs(MakeTensor<float>({2, 2}, {1, 3, 5, 9}), MakeTensor<float>({2}, {1, 2}),
                          MakeTensor<float>({2}, {0, 1})),
                   {2, 2}),
               {-1, 3, -1, 3}, 1e-6f);
  }
  ExpectNear(NodeUnderTest{"InstanceNormalization", 6, {Attr("epsilon", 0.0f)}}.Values<float>(
                 Inputs(MakeTensor<float>({1, 2, 2}, {1, 3, 5, 9}), MakeTensor<float>({2}, {1, 2}),
                        MakeTensor<float>({2}, {0, 1})),
                 {1, 2, 2}),
             {-1, 1, -1, 3}, 1e-6f);
  ExpectNear(NodeUnderTest{"LpNormalization", 1, {Attr("axis", 0)}}.Values<float>(
                 Inputs(MakeTensor<float>({2}, {3, 4})), {2}),
             {0.6f, 0.8f}, 1e-6f);
  // Channel 1 sees all three channels: 1 + 1 / 3 * (1 + 4 + 9).
  ExpectNear(NodeUnderTest{"LRN", 13, {Attr("size", 3), Attr("alpha", 1.0f), Attr("beta", 1.0f)}}
                 .Values<float>(Inputs(MakeTensor<float>({1, 3, 1}, {1, 2, 3})), {1, 3, 1}),
             {1 / (1 + 5.0f / 3), 2 / (1 + 14.0f / 3), 3 / (1 + 13.0f / 3)}, 1e-6f);
}

}  // namespace
}  // namespace wnn::ops
