// RNN, GRU and LSTM against the formulas of ONNX, written out.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/testing/run_model.h"

namespace wnn::ops {
namespace {

using testing::Attr;
using testing::ExpectNear;
using testing::Inputs;
using testing::MakeTensor;
using testing::NodeUnderTest;
using testing::Noise;
using Floats = std::vector<float>;

float Sigmoid(float x) { return 1 / (1 + std::exp(-x)); }

struct Sizes {
  size_t sequence = 5, batch = 2, input = 3, hidden = 4;
};

// gates[j] of sequence b at step t, before its function: X W^T + H R^T + biases.
float Gate(const Sizes& s, const Floats& x, const Floats& w, const Floats& r, const Floats& b,
           const Floats& h, size_t n_gates, size_t t, size_t batch, size_t j) {
  float sum = b[j] + b[n_gates * s.hidden + j];
  for (size_t i = 0; i < s.input; ++i) {
    sum += x[(t * s.batch + batch) * s.input + i] * w[j * s.input + i];
  }
  for (size_t i = 0; i < s.hidden; ++i) sum += h[batch * s.hidden + i] * r[j * s.hidden + i];
  return sum;
}

// One direction, forwards: Y, and the last state of each sequence of its own length.
Floats Lstm(const Sizes& s, const Floats& x, const Floats& w, const Floats& r, const Floats& b,
            const std::vector<int32_t>& lengths) {
  Floats y(s.sequence * s.batch * s.hidden, 0.0f), h(s.batch * s.hidden, 0.0f), c = h;
  for (size_t t = 0; t < s.sequence; ++t) {
    const Floats before = h;
    for (size_t n = 0; n < s.batch; ++n) {
      if (static_cast<int32_t>(t) >= lengths[n]) continue;
      for (size_t k = 0; k < s.hidden; ++k) {
        auto gate = [&](size_t g) {
          return Gate(s, x, w, r, b, before, 4, t, n, g * s.hidden + k);
        };
        float& cell = c[n * s.hidden + k];
        cell = Sigmoid(gate(2)) * cell + Sigmoid(gate(0)) * std::tanh(gate(3));
        h[n * s.hidden + k] = Sigmoid(gate(1)) * std::tanh(cell);
        y[(t * s.batch + n) * s.hidden + k] = h[n * s.hidden + k];
      }
    }
  }
  return y;
}

Shape ShapeOf(std::initializer_list<size_t> dims) { return Shape(dims.begin(), dims.end()); }

TEST(LstmTest, FollowsTheFormulasWithSequencesOfTheirOwnLengths) {
  const Sizes s;
  const Floats x = Noise(s.sequence * s.batch * s.input, 1);
  const Floats w = Noise(4 * s.hidden * s.input, 2), r = Noise(4 * s.hidden * s.hidden, 3);
  const Floats b = Noise(8 * s.hidden, 4);
  for (const std::vector<int32_t>& lengths : {std::vector<int32_t>{5, 5}, {3, 5}, {0, 2}}) {
    NodeUnderTest node{"LSTM", 14, {Attr("hidden_size", 4)}};
    ExpectNear(
        node.Values<float>(Inputs(MakeTensor<float>(ShapeOf({s.sequence, s.batch, s.input}), x),
                                  MakeTensor<float>(ShapeOf({1, 4 * s.hidden, s.input}), w),
                                  MakeTensor<float>(ShapeOf({1, 4 * s.hidden, s.hidden}), r),
                                  MakeTensor<float>(ShapeOf({1, 8 * s.hidden}), b),
                                  MakeTensor<int32_t>({2}, lengths)),
                           ShapeOf({s.sequence, 1, s.batch, s.hidden})),
        Lstm(s, x, w, r, b, lengths), 1e-5f);
  }
}

// The packed weights of constants give what computed weights give, in both directions and layouts.
TEST(LstmTest, ConstantAndComputedWeightsAgree) {
  const Floats x = Noise(6 * 3 * 5, 1), w = Noise(2 * 28 * 5, 2), r = Noise(2 * 28 * 7, 3);
  for (int64_t layout : {0, 1}) {
    const std::vector<testing::BuilderAttribute> attributes = {
        Attr("hidden_size", 7), Attr("direction", "bidirectional"), Attr("layout", layout)};
    const Shape x_shape = layout == 0 ? Shape{6, 3, 5} : Shape{3, 6, 5};
    testing::ModelBuilder model(14);
    model.Input("x", DType::kFloat, {x_shape[0], x_shape[1], x_shape[2]});
    model.Initializer<float>("w", {2, 28, 5}, w);
    model.Initializer<float>("r", {2, 28, 7}, r);
    model.Node("LSTM", {"x", "w", "r"}, {"y", "h", "c"}, attributes);
    for (const char* name : {"y", "h", "c"}) model.Output(name);
    auto constant = testing::RunModel(model.Build(), Inputs(MakeTensor<float>(x_shape, x)));
    NodeUnderTest node{"LSTM", 14, attributes, 3};
    auto computed = node.Run(Inputs(MakeTensor<float>(x_shape, x), MakeTensor<float>({2, 28, 5}, w),
                                    MakeTensor<float>({2, 28, 7}, r)));
    ASSERT_TRUE(constant.has_value() && computed.has_value());
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ((*constant)[i].shape(), (*computed)[i].shape());
      ExpectNear(testing::ValuesOf<float>((*constant)[i]), testing::ValuesOf<float>((*computed)[i]),
                 1e-5f);
    }
  }
}

TEST(GruTest, BothPlacesOfTheReset) {
  // One step of one unit: h' = (1 - z) * candidate + z * h.
  const float x = 0.5f, h = 0.25f;
  const Floats w = {0.1f, -0.2f, 0.3f}, r = {0.4f, 0.5f, -0.6f};
  const Floats b = {0.01f, 0.02f, 0.03f, 0.04f, 0.05f, 0.06f};
  const float z = Sigmoid(x * w[0] + h * r[0] + b[0] + b[3]);
  const float reset = Sigmoid(x * w[1] + h * r[1] + b[1] + b[4]);
  for (int64_t linear : {0, 1}) {
    const float inner = linear == 0 ? reset * h * r[2] + b[5] : reset * (h * r[2] + b[5]);
    const float candidate = std::tanh(x * w[2] + inner + b[2]);
    NodeUnderTest node{"GRU", 14, {Attr("hidden_size", 1), Attr("linear_before_reset", linear)}};
    ExpectNear(node.Values<float>(
                   Inputs(MakeTensor<float>({1, 1, 1}, {x}), MakeTensor<float>({1, 3, 1}, w),
                          MakeTensor<float>({1, 3, 1}, r), MakeTensor<float>({1, 6}, b), Tensor(),
                          MakeTensor<float>({1, 1, 1}, {h})),
                   {1, 1, 1, 1}),
               {(1 - z) * candidate + z * h}, 1e-6f);
  }
}

TEST(RnnTest, HalfPrecisionRoundsOnceAndDoubleStaysDouble) {
  const std::vector<double> x = {0.5, -1}, w = {0.75}, r = {0.5};
  const double first = std::tanh(0.375), second = std::tanh(-0.75 + 0.5 * first);
  NodeUnderTest node{"RNN", 14, {Attr("hidden_size", 1)}};
  EXPECT_EQ(
      node.Values<double>(Inputs(MakeTensor<double>({2, 1, 1}, x), MakeTensor<double>({1, 1, 1}, w),
                                 MakeTensor<double>({1, 1, 1}, r)),
                          {2, 1, 1, 1}),
      (std::vector<double>{first, second}));
  auto half = [](double value) { return kernels::ToFloat16(static_cast<float>(value)); };
  const auto halves = node.Values<kernels::Float16>(
      Inputs(MakeTensor<kernels::Float16>({2, 1, 1}, {half(x[0]), half(x[1])}),
             MakeTensor<kernels::Float16>({1, 1, 1}, {half(w[0])}),
             MakeTensor<kernels::Float16>({1, 1, 1}, {half(r[0])})),
      {2, 1, 1, 1});
  ASSERT_EQ(halves.size(), 2u);
  EXPECT_EQ(halves[0].bits, half(first).bits);
  EXPECT_EQ(halves[1].bits, half(second).bits);
}

TEST(RecurrentTest, RefusesWhatDoesNotFit) {
  auto run = [](NodeUnderTest node, Shape r_shape, int32_t length) {
    const size_t n = static_cast<size_t>(r_shape[1] * r_shape[2]);
    return node.Error(Inputs(MakeTensor<float>({1, 1, 1}, {0}), MakeTensor<float>({1, 1, 1}, {0}),
                             MakeTensor<float>(std::move(r_shape), Floats(n)), Tensor(),
                             MakeTensor<int32_t>({1}, {length})));
  };
  EXPECT_EQ(run({"RNN", 14, {Attr("hidden_size", 1)}}, {1, 1, 1}, 2).code(), Code::kRuntimeError);
  EXPECT_EQ(run({"RNN", 14, {Attr("hidden_size", 2)}}, {1, 1, 1}, 1).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(run({"RNN", 14, {}}, {1, 2, 1}, 1).code(), Code::kInvalidArgument);
  EXPECT_EQ(run({"RNN", 14, {Attr("direction", "sideways")}}, {1, 1, 1}, 1).code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace wnn::ops
