// Resampling, sampling and pooling of regions: what ONNX's suite leaves out.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/base/checked_math.h"
#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::ExpectNear;
using testing::Inputs;
using testing::Iota;
using testing::MakeTensor;
using testing::NodeUnderTest;
using Floats = std::vector<float>;

TEST(ResizeTest, EveryOldVersionMeansTheSame) {
  const Floats twice = {0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2};
  auto x = [] { return MakeTensor<float>({1, 1, 1, 3}, {0, 1, 2}); };
  auto scales = [] { return MakeTensor<float>({4}, {1, 1, 2, 2}); };
  EXPECT_EQ((NodeUnderTest{"Upsample", 1, {Attr("height_scale", 2.0f), Attr("width_scale", 2.0f)}}
                 .Values<float>(Inputs(x()), {1, 1, 2, 6})),
            twice);
  EXPECT_EQ((NodeUnderTest{"Upsample", 7, {Attr("scales", Floats{1, 1, 2, 2})}}.Values<float>(
                Inputs(x()), {1, 1, 2, 6})),
            twice);
  EXPECT_EQ((NodeUnderTest{"Upsample", 9}.Values<float>(Inputs(x(), scales()), {1, 1, 2, 6})),
            twice);
  EXPECT_EQ((NodeUnderTest{"Resize", 10}.Values<float>(Inputs(x(), scales()), {1, 1, 2, 6})),
            twice);
  EXPECT_EQ((NodeUnderTest{"Resize", 11}.Values<float>(
                Inputs(x(), MakeTensor<float>({0}, {}), scales()), {1, 1, 2, 6})),
            twice);
}

TEST(ResizeTest, OtherTypes) {
  NodeUnderTest linear{"Resize", 13, {Attr("mode", "linear")}};
  auto sizes = [] { return MakeTensor<int64_t>({1}, {4}); };
  // Positions -0.25, 0.25, 0.75, 1.25; integers round, halves to the even one.
  EXPECT_EQ(linear.Values<uint8_t>(
                Inputs(MakeTensor<uint8_t>({2}, {0, 250}), Tensor(), Tensor(), sizes()), {4}),
            (std::vector<uint8_t>{0, 62, 188, 250}));
  EXPECT_EQ(linear.Values<double>(
                Inputs(MakeTensor<double>({2}, {0, 1}), Tensor(), Tensor(), sizes()), {4}),
            (std::vector<double>{0, 0.25, 0.75, 1}));
  NodeUnderTest nearest{"Resize", 13};
  EXPECT_EQ(nearest.Values<bool>(
                Inputs(MakeTensor<bool>({2}, {true, false}), Tensor(), Tensor(), sizes()), {4}),
            (std::vector<bool>{true, true, false, false}));
  EXPECT_EQ(nearest.Error(Inputs(MakeTensor<float>({2}, {0, 1}))).code(), Code::kInvalidArgument);
  EXPECT_EQ(
      nearest.Error(Inputs(MakeTensor<float>({2}, {0, 1}), Tensor(), MakeTensor<float>({1}, {-1})))
          .code(),
      Code::kInvalidArgument);
}

TEST(MaxRoiPoolTest, TakesTheLargestPixelOfEachBin) {
  NodeUnderTest node{"MaxRoiPool", 22, {Attr("pooled_shape", std::vector<int64_t>{2, 2})}};
  const Floats x = Iota<float>(2 * 16);
  EXPECT_EQ(node.Values<float>(Inputs(MakeTensor<float>({2, 1, 4, 4}, x),
                                      MakeTensor<float>({2, 5}, {0, 0, 0, 3, 3, 1, 1, 1, 2, 3})),
                               {2, 1, 2, 2}),
            (Floats{5, 7, 13, 15, 16 + 9, 16 + 10, 16 + 13, 16 + 14}));
  EXPECT_EQ(node.Error(Inputs(MakeTensor<float>({2, 1, 4, 4}, x),
                              MakeTensor<float>({1, 5}, {2, 0, 0, 1, 1})))
                .code(),
            Code::kRuntimeError);
}

TEST(RoiAlignTest, RefusesImagesAndRegionsOutOfBounds) {
  NodeUnderTest node{"RoiAlign", 16};
  auto run = [&](Floats roi, int64_t image) {
    return node
        .Error(Inputs(MakeTensor<float>({1, 1, 2, 2}, {0, 1, 2, 3}), MakeTensor<float>({1, 4}, roi),
                      MakeTensor<int64_t>({1}, {image})))
        .code();
  };
  EXPECT_EQ(run({0, 0, 1, 1}, 1), Code::kRuntimeError);
  EXPECT_EQ(run({0, 0, 1e9f, 1e9f}, 0), Code::kRuntimeError);
  EXPECT_EQ(run({0, 0, NAN, 1}, 0), Code::kRuntimeError);
}

TEST(GlobalLpPoolTest, IsTheNormOfEachPlane) {
  auto x = [] { return MakeTensor<float>({1, 2, 1, 2}, {3, -4, 5, 12}); };
  ExpectNear(NodeUnderTest{"GlobalLpPool", 22}.Values<float>(Inputs(x()), {1, 2, 1, 1}), {5, 13},
             1e-6f);
  EXPECT_EQ(
      (NodeUnderTest{"GlobalLpPool", 2, {Attr("p", 1)}}.Values<float>(Inputs(x()), {1, 2, 1, 1})),
      (Floats{7, 17}));
}

TEST(GridSampleTest, PositionsThatAreNoNumbersAreOutside) {
  NodeUnderTest node{"GridSample", 20};
  ExpectNear(node.Values<float>(Inputs(MakeTensor<float>({1, 1, 1, 2}, {4, 8}),
                                       MakeTensor<float>({1, 1, 3, 2}, {0, 0, NAN, 0, 1e30f, 0})),
                                {1, 1, 1, 3}),
             {6, 0, 0}, 1e-6f);
}

TEST(ConvTransposeTest, GroupsAndTypesAgree) {
  const Floats x = testing::Noise(2 * 4 * 5 * 6, 1), w = testing::Noise(4 * 3 * 3 * 2, 2);
  const std::vector<testing::BuilderAttribute> attributes = {
      Attr("group", 2), Attr("strides", std::vector<int64_t>{2, 1}),
      Attr("pads", std::vector<int64_t>{1, 0, 0, 1})};
  NodeUnderTest node{"ConvTranspose", 22, attributes};
  const Shape out = {2, 6, 10, 6};
  const Floats single = node.Values<float>(
      Inputs(MakeTensor<float>({2, 4, 5, 6}, x), MakeTensor<float>({4, 3, 3, 2}, w)), out);
  const std::vector<double> twice =
      node.Values<double>(Inputs(MakeTensor<double>({2, 4, 5, 6}, {x.begin(), x.end()}),
                                 MakeTensor<double>({4, 3, 3, 2}, {w.begin(), w.end()})),
                          out);
  ExpectNear(single, Floats(twice.begin(), twice.end()), 1e-5f);
}

TEST(ConvTest, DoubleIsTheSameConvolution) {
  const Floats x = testing::Noise(2 * 4 * 6 * 5, 1), w = testing::Noise(6 * 2 * 3 * 2, 2);
  NodeUnderTest node{"Conv",
                     22,
                     {Attr("group", 2), Attr("strides", std::vector<int64_t>{2, 1}),
                      Attr("dilations", std::vector<int64_t>{1, 2}),
                      Attr("pads", std::vector<int64_t>{1, 0, 1, 2})}};
  const Shape out = {2, 6, 3, 5};
  const Floats bias = {1, 2, 3, 4, 5, 6};
  const Floats single =
      node.Values<float>(Inputs(MakeTensor<float>({2, 4, 6, 5}, x),
                                MakeTensor<float>({6, 2, 3, 2}, w), MakeTensor<float>({6}, bias)),
                         out);
  const std::vector<double> twice =
      node.Values<double>(Inputs(MakeTensor<double>({2, 4, 6, 5}, {x.begin(), x.end()}),
                                 MakeTensor<double>({6, 2, 3, 2}, {w.begin(), w.end()}),
                                 MakeTensor<double>({6}, {bias.begin(), bias.end()})),
                          out);
  ExpectNear(single, Floats(twice.begin(), twice.end()), 1e-5f);
}

TEST(EinsumTest, ChainsDiagonalsAndBroadcasts) {
  auto matrix = [](Floats values) { return MakeTensor<float>({2, 2}, values); };
  EXPECT_EQ((NodeUnderTest{"Einsum", 12, {Attr("equation", "ii->i")}}.Values<float>(
                Inputs(matrix({1, 2, 3, 4})), {2})),
            (Floats{1, 4}));
  EXPECT_EQ((NodeUnderTest{"Einsum", 12, {Attr("equation", "ij, jk, kl -> il")}}.Values<float>(
                Inputs(matrix({1, 2, 3, 4}), matrix({0, 1, 1, 0}), matrix({1, 0, 0, 2})), {2, 2})),
            (Floats{2, 2, 4, 6}));
  EXPECT_EQ(
      (NodeUnderTest{"Einsum", 12, {Attr("equation", "...i,...i")}}.Values<int32_t>(
          Inputs(MakeTensor<int32_t>({2, 2}, {1, 2, 3, 4}), MakeTensor<int32_t>({2}, {1, 10})),
          {2})),
      (std::vector<int32_t>{21, 43}));
  for (const char* wrong : {"ij->ik", "ij->jj", "ijk->i", "i(j", "ij,jk"}) {
    EXPECT_EQ((NodeUnderTest{"Einsum", 12, {Attr("equation", wrong)}}
                   .Error(Inputs(matrix({1, 2, 3, 4})))
                   .code()),
              Code::kInvalidArgument)
        << wrong;
  }
}

// The packed kernel and the plain loops give the same products.
TEST(EinsumTest, LargeProductsOfAttention) {
  const size_t n = 2 * 9 * 3 * 16;
  const Floats q = testing::Noise(n, 1), k = testing::Noise(n, 2);
  NodeUnderTest node{"Einsum", 12, {Attr("equation", "bqhd,bkhd->bhqk")}};
  const Floats scores = node.Values<float>(
      Inputs(MakeTensor<float>({2, 9, 3, 16}, q), MakeTensor<float>({2, 9, 3, 16}, k)),
      {2, 3, 9, 9});
  const std::vector<double> wide =
      node.Values<double>(Inputs(MakeTensor<double>({2, 9, 3, 16}, {q.begin(), q.end()}),
                                 MakeTensor<double>({2, 9, 3, 16}, {k.begin(), k.end()})),
                          {2, 3, 9, 9});
  ExpectNear(scores, Floats(wide.begin(), wide.end()), 1e-5f);
}

// Nothing to read or to write is no reason to fail, or to touch memory.
TEST(EmptyTensorsTest, GiveEmptyResultsOrErrors) {
  auto floats = [](Shape shape) {
    const size_t n = static_cast<size_t>(ElementCount(shape).value_or(0));
    return MakeTensor<float>(std::move(shape), Floats(n, 0.5f));
  };
  auto ints = [](std::vector<int64_t> values) {
    const int64_t n = static_cast<int64_t>(values.size());
    return MakeTensor<int64_t>({n}, values);
  };
  struct Row {
    NodeUnderTest node;
    std::vector<Tensor> inputs;
    Shape shape;
  };
  std::vector<Row> rows;
  rows.push_back(
      {{"ConvTranspose", 22}, Inputs(floats({0, 2, 3, 3}), floats({2, 1, 2, 2})), {0, 1, 4, 4}});
  rows.push_back(
      {{"ConvTranspose", 22}, Inputs(floats({1, 0, 3, 3}), floats({0, 1, 2, 2})), {1, 1, 4, 4}});
  rows.push_back({{"Einsum", 12, {Attr("equation", "ij,jk->ik")}},
                  Inputs(floats({2, 0}), floats({0, 3})),
                  {2, 3}});
  rows.push_back({{"Einsum", 12, {Attr("equation", "ij->")}}, Inputs(floats({0, 2})), {}});
  rows.push_back(
      {{"Resize", 13}, Inputs(floats({0, 4}), Tensor(), Tensor(), ints({0, 8})), {0, 8}});
  rows.push_back(
      {{"GridSample", 20}, Inputs(floats({1, 0, 2, 2}), floats({1, 3, 3, 2})), {1, 0, 3, 3}});
  rows.push_back(
      {{"RoiAlign", 16}, Inputs(floats({1, 1, 2, 2}), floats({0, 4}), ints({})), {0, 1, 1, 1}});
  rows.push_back({{"LSTM", 14, {Attr("hidden_size", 2)}},
                  Inputs(floats({0, 1, 3}), floats({1, 8, 3}), floats({1, 8, 2})),
                  {0, 1, 1, 2}});
  rows.push_back({{"GRU", 14, {Attr("hidden_size", 2)}},
                  Inputs(floats({2, 0, 3}), floats({1, 6, 3}), floats({1, 6, 2})),
                  {2, 1, 0, 2}});
  rows.push_back({{"Det", 22}, Inputs(floats({2, 0, 0})), {2}});
  rows.push_back({{"RMSNormalization", 23}, Inputs(floats({2, 0}), floats({0})), {2, 0}});
  rows.push_back({{"MeanVarianceNormalization", 13}, Inputs(floats({0, 2, 3, 3})), {0, 2, 3, 3}});
  rows.push_back({{"GroupNormalization", 21, {Attr("num_groups", 1)}},
                  Inputs(floats({2, 2, 0}), floats({2}), floats({2})),
                  {2, 2, 0}});
  rows.push_back({{"DFT", 20}, Inputs(floats({0, 4, 1})), {0, 4, 2}});
  rows.push_back(
      {{"NonMaxSuppression", 11}, Inputs(floats({1, 0, 4}), floats({1, 1, 0}), ints({3})), {0, 3}});
  rows.push_back({{"Unique", 11}, Inputs(floats({0})), {0}});
  rows.push_back({{"NegativeLogLikelihoodLoss", 22, {Attr("reduction", "none")}},
                  Inputs(floats({0, 3}), ints({})),
                  {0}});
  rows.push_back({{"CenterCropPad", 18}, Inputs(floats({0, 3}), ints({2, 2})), {2, 2}});
  rows.push_back({{"ReverseSequence", 10}, Inputs(floats({3, 0}), ints({})), {3, 0}});
  rows.push_back({{"LpPool", 22, {Attr("kernel_shape", std::vector<int64_t>{2})}},
                  Inputs(floats({0, 1, 4})),
                  {0, 1, 3}});
  for (const Row& row : rows) {
    SCOPED_TRACE(row.node.op_type);
    auto outputs = row.node.Run(row.inputs);
    ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
    EXPECT_EQ(outputs->at(0).shape(), row.shape);
  }
}

}  // namespace
}  // namespace wnn::ops
