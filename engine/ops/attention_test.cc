#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "engine/kernels/reference/convert.h"
#include "engine/testing/run_model.h"

namespace wnn::testing {
namespace {

// softmax(q k' / sqrt(d) + bias) v for one head, in double.
std::vector<float> OneHead(const float* q, const float* k, const float* v, int n_q, int n_k, int d,
                           const std::function<double(int, int)>& bias) {
  std::vector<float> y;
  for (int i = 0; i < n_q; ++i) {
    std::vector<double> p(static_cast<size_t>(n_k));
    double sum = 0;
    for (int j = 0; j < n_k; ++j) {
      double score = 0;
      for (int e = 0; e < d; ++e) score += double{q[i * d + e]} * double{k[j * d + e]};
      p[static_cast<size_t>(j)] = std::exp(score / std::sqrt(d) + bias(i, j));
      sum += p[static_cast<size_t>(j)];
    }
    for (int e = 0; e < d; ++e) {
      double value = 0;
      for (int j = 0; j < n_k; ++j) value += p[static_cast<size_t>(j)] * double{v[j * d + e]};
      y.push_back(sum == 0 ? 0.0f : static_cast<float>(value / sum));
    }
  }
  return y;
}

TEST(Attention, GroupsOfHeadsWithABias) {
  const int heads = 4, kv_heads = 2, n_q = 70, n_k = 33, d = 8;
  const auto q = Noise(heads * n_q * d, 1), k = Noise(kv_heads * n_k * d, 2),
             v = Noise(kv_heads * n_k * d, 3), mask = Noise(n_q * n_k, 4);
  const NodeUnderTest node{"Attention", 23};
  const auto y = node.Values<float>(
      Inputs(MakeTensor<float>({1, heads, n_q, d}, q), MakeTensor<float>({1, kv_heads, n_k, d}, k),
             MakeTensor<float>({1, kv_heads, n_k, d}, v), MakeTensor<float>({n_q, n_k}, mask)),
      {1, heads, n_q, d});
  std::vector<float> expected;
  for (int h = 0; h < heads; ++h) {
    const int at = h / 2 * n_k * d;
    const auto one = OneHead(q.data() + h * n_q * d, k.data() + at, v.data() + at, n_q, n_k, d,
                             [&](int i, int j) { return mask[static_cast<size_t>(i * n_k + j)]; });
    expected.insert(expected.end(), one.begin(), one.end());
  }
  ExpectNear(y, expected, 1e-5f);
}

TEST(Attention, CausalAfterAPast) {
  const int n = 3, past = 2, d = 4;
  const auto q = Noise(n * d, 1), k = Noise((past + n) * d, 2), v = Noise((past + n) * d, 3);
  const auto part = [&](const std::vector<float>& all, int begin, int end) {
    return MakeTensor<float>({1, 1, end - begin, d},
                             {all.begin() + begin * d, all.begin() + end * d});
  };
  const NodeUnderTest node{"Attention", 23, {Attr("is_causal", 1)}, 3};
  auto outputs =
      node.Run(Inputs(MakeTensor<float>({1, 1, n, d}, q), part(k, past, past + n),
                      part(v, past, past + n), Tensor(), part(k, 0, past), part(v, 0, past)));
  ASSERT_TRUE(outputs.has_value()) << outputs.error().message();
  const auto none = -std::numeric_limits<double>::infinity();
  ExpectNear(ValuesOf<float>(outputs->at(0)),
             OneHead(q.data(), k.data(), v.data(), n, past + n, d,
                     [&](int i, int j) { return j <= past + i ? 0.0 : none; }),
             1e-5f);
  EXPECT_EQ(ValuesOf<float>(outputs->at(1)), k);
  EXPECT_EQ(ValuesOf<float>(outputs->at(2)), v);
}

std::vector<kernels::Bfloat16> InBfloat16(const std::vector<float>& values) {
  std::vector<kernels::Bfloat16> narrowed;
  for (float x : values) narrowed.push_back(kernels::ToBfloat16(x));
  return narrowed;
}

TEST(Attention, Bfloat16RoundsEachStepUnlessAskedForMore) {
  using kernels::Bfloat16;
  const auto probabilities = [](std::vector<BuilderAttribute> attributes) {
    attributes.push_back(Attr("qk_matmul_output_mode", 3));
    const NodeUnderTest node{"Attention", 23, std::move(attributes), 4};
    auto y = node.Run(Inputs(MakeTensor<Bfloat16>({1, 1, 1, 1}, InBfloat16({1})),
                             MakeTensor<Bfloat16>({1, 1, 2, 1}, InBfloat16({0, 0.4f})),
                             MakeTensor<Bfloat16>({1, 1, 2, 1}, InBfloat16({0, 0}))));
    EXPECT_TRUE(y.has_value()) << y.error().message();
    std::vector<float> widened;
    if (!y) return widened;
    for (Bfloat16 x : ValuesOf<Bfloat16>(y->at(3))) widened.push_back(kernels::ToFloat(x));
    return widened;
  };
  // exp(-0.4) is 0.6719 in bfloat16, and 0.6701 not rounded.
  const std::vector<float> rounded = {0.40234375f, 0.59765625f},
                           exact = {0.400390625f, 0.59765625f};
  EXPECT_EQ(probabilities({}), rounded);
  EXPECT_EQ(probabilities({Attr("softmax_precision", 16)}), rounded);
  EXPECT_EQ(probabilities({Attr("softmax_precision", 1)}), exact);
  const NodeUnderTest wrong{"Attention", 23, {Attr("softmax_precision", 7)}};
  const auto one = [] { return MakeTensor<float>({1, 1, 1, 1}, {1}); };
  auto refused = wrong.Run(Inputs(one(), one(), one()));
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message().find("softmax_precision"), std::string::npos);
}

TEST(Attention, LongRowsOfBfloat16AddUp) {
  // A sum in bfloat16, term by term, would end at 256.
  const int n = 1000;
  const std::vector<float> zeros(n), ones(n, 1);
  const auto y = NodeUnderTest{"Attention", 23}.Values<kernels::Bfloat16>(
      Inputs(MakeTensor<kernels::Bfloat16>({1, 1, 1, 1}, InBfloat16({1})),
             MakeTensor<kernels::Bfloat16>({1, 1, n, 1}, InBfloat16(zeros)),
             MakeTensor<kernels::Bfloat16>({1, 1, n, 1}, InBfloat16(ones))),
      {1, 1, 1, 1});
  ASSERT_EQ(y.size(), 1U);
  EXPECT_EQ(kernels::ToFloat(y[0]), 1);
}

TEST(Attention, NobodyToAttendGivesZeros) {
  const NodeUnderTest node{"Attention", 23};
  const auto y = node.Values<float>(
      Inputs(MakeTensor<float>({1, 1, 2, 1}, {1, 2}), MakeTensor<float>({1, 1, 2, 1}, {1, 2}),
             MakeTensor<float>({1, 1, 2, 1}, {3, 5}),
             MakeTensor<bool>({2, 2}, {false, false, false, true})),
      {1, 1, 2, 1});
  EXPECT_EQ(y, (std::vector<float>{0, 5}));
}

TEST(Attention, Refusals) {
  const auto three = [] { return MakeTensor<float>({1, 2, 6}, Noise(12)); };
  EXPECT_NE((NodeUnderTest{"Attention", 23}.Error(Inputs(three(), three(), three())))
                .message()
                .find("q_num_heads"),
            std::string_view::npos);
  const NodeUnderTest node{"Attention", 23, {Attr("q_num_heads", 4), Attr("kv_num_heads", 4)}};
  EXPECT_NE(node.Error(Inputs(three(), three(), three())).message().find("does not divide"),
            std::string_view::npos);
}

// One FlexAttention of q [1, 4, 5, 8], k [1, 2, 7, 8] and v [1, 2, 7, 3]: two queries' heads a
// group.
ModelBuilder FlexModel(DType dtype, std::vector<BuilderAttribute> attributes) {
  ModelBuilder model(23);
  model.Import("ai.onnx.preview", 1);
  model.Input("q", dtype, {1, 4, "L", 8});
  model.Input("k", dtype, {1, "H", 7, 8});
  model.Input("v", dtype, {1, "H", 7, 3});
  model.Initializer<float>("bias", {5, 7}, Noise(35, 4));
  model.Initializer<float>("two", {1}, {2});
  model.Node("FlexAttention", {"q", "k", "v"}, {"y"}, std::move(attributes), "flex",
             "ai.onnx.preview");
  model.Output("y");
  return model;
}

// A graph that gives `op` of its input and `with`, which it captures.
ModelBuilder Modifier(const char* op, const char* with) {
  ModelBuilder body;
  body.Input("s", DType::kFloat, {1, 4, "L", 7});
  body.Node(op, {"s", with}, {"t"});
  body.Output("t");
  return body;
}

template <typename T>
std::vector<Tensor> FlexInputs() {
  const auto cast = [](int n, unsigned seed) {
    std::vector<T> values;
    for (float x : Noise(n, seed)) values.push_back(kernels::Convert<T>(x));
    return values;
  };
  return Inputs(MakeTensor<T>({1, 4, 5, 8}, cast(160, 1)),
                MakeTensor<T>({1, 2, 7, 8}, cast(112, 2)),
                MakeTensor<T>({1, 2, 7, 3}, cast(42, 3)));
}

// What it gives, `bias` included if `biased`, times `factor`.
std::vector<float> FlexExpected(bool biased, float factor) {
  const auto q = Noise(160, 1), k = Noise(112, 2), v = Noise(42, 3), bias = Noise(35, 4);
  std::vector<float> expected;
  for (int h = 0; h < 4; ++h) {
    // OneHead() has values as long as keys: the rest of each is zeros.
    std::vector<float> values(56);
    for (int i = 0; i < 21; ++i) {
      values[static_cast<size_t>(i / 3 * 8 + i % 3)] = v[static_cast<size_t>(h / 2 * 21 + i)];
    }
    const auto one = OneHead(
        q.data() + h * 40, k.data() + h / 2 * 56, values.data(), 5, 7, 8,
        [&](int i, int j) { return biased ? double{bias[static_cast<size_t>(i * 7 + j)]} : 0.0; });
    for (size_t i = 0; i < 15; ++i) expected.push_back(factor * one[i / 3 * 8 + i % 3]);
  }
  return expected;
}

TEST(FlexAttention, SubgraphsChangeScoresAndProbabilities) {
  const ModelBuilder add = Modifier("Add", "bias"), twice = Modifier("Mul", "two");
  const auto run = [](std::vector<BuilderAttribute> attributes) {
    auto y = RunModel(FlexModel(DType::kFloat, std::move(attributes)).Build(), FlexInputs<float>());
    EXPECT_TRUE(y.has_value()) << y.error().message();
    return y ? ValuesOf<float>(y->at(0)) : std::vector<float>();
  };
  ExpectNear(run({}), FlexExpected(false, 1), 1e-5f);
  ExpectNear(run({GraphAttr("score_mod", add)}), FlexExpected(true, 1), 1e-5f);
  ExpectNear(run({GraphAttr("prob_mod", twice)}), FlexExpected(false, 2), 1e-5f);
  ExpectNear(run({GraphAttr("score_mod", add), GraphAttr("prob_mod", twice)}),
             FlexExpected(true, 2), 1e-5f);
  // In float16 as the attribute says: scores and probabilities have 11 bits.
  ExpectNear(run({Attr("softmax_precision", 10)}), FlexExpected(false, 1), 2e-3f);
}

TEST(FlexAttention, OtherTypes) {
  // The subgraphs of inputs in double and in float16 take doubles and floats.
  auto y = RunModel(FlexModel(DType::kDouble, {}).Build(), FlexInputs<double>());
  ASSERT_TRUE(y.has_value()) << y.error().message();
  std::vector<float> narrowed;
  for (double x : ValuesOf<double>(y->at(0))) narrowed.push_back(static_cast<float>(x));
  ExpectNear(narrowed, FlexExpected(false, 1), 1e-6f);
  y = RunModel(
      FlexModel(DType::kFloat16, {GraphAttr("score_mod", Modifier("Add", "bias"))}).Build(),
      FlexInputs<kernels::Float16>());
  ASSERT_TRUE(y.has_value()) << y.error().message();
  narrowed.clear();
  for (kernels::Float16 x : ValuesOf<kernels::Float16>(y->at(0))) {
    narrowed.push_back(kernels::ToFloat(x));
  }
  ExpectNear(narrowed, FlexExpected(true, 1), 2e-3f);
}

TEST(FlexAttention, Refusals) {
  const auto error = [](std::vector<BuilderAttribute> attributes, std::vector<Tensor> inputs) {
    auto y = RunModel(FlexModel(DType::kFloat, std::move(attributes)).Build(), inputs);
    EXPECT_FALSE(y.has_value());
    return y ? std::string() : std::string(y.error().message());
  };
  ModelBuilder shorter;
  shorter.Input("s", DType::kFloat, {1, 4, "L", 7});
  shorter.Node("Shape", {"s"}, {"t"});
  shorter.Output("t");
  EXPECT_NE(error({GraphAttr("prob_mod", shorter)}, FlexInputs<float>())
                .find("'prob_mod' does not give a tensor of the type and shape"),
            std::string::npos);
  ModelBuilder two = Modifier("Add", "bias");
  two.Output("s");
  EXPECT_NE(error({GraphAttr("score_mod", two)}, FlexInputs<float>()).find("2 outputs, not one"),
            std::string::npos);
  EXPECT_NE(error({Attr("softmax_precision", 7)}, FlexInputs<float>()).find("softmax_precision"),
            std::string::npos);
  const std::vector<BuilderAttribute> plain,
      modified = {GraphAttr("score_mod", Modifier("Add", "bias"))};
  for (const auto& attributes : {plain, modified}) {
    EXPECT_NE(error(attributes, Inputs(MakeTensor<float>({1, 4, 5, 8}, Noise(160)),
                                       MakeTensor<float>({1, 3, 7, 8}, Noise(168)),
                                       MakeTensor<float>({1, 3, 7, 3}, Noise(63))))
                  .find("4 heads of queries do not share 3 of keys"),
              std::string::npos);
  }
}

TEST(RotaryEmbedding, TurnsPairs) {
  // A quarter turn of (1, 2) and (3, 4), which lie in halves or next to each other.
  const auto run = [](int interleaved) {
    const NodeUnderTest node{"RotaryEmbedding", 23, {Attr("interleaved", interleaved)}};
    return node.Values<float>(
        Inputs(MakeTensor<float>({1, 1, 1, 4}, {1, 2, 3, 4}),
               MakeTensor<float>({2, 2}, {1, 1, 0, 0}), MakeTensor<float>({2, 2}, {0, 0, 1, 1}),
               MakeTensor<int64_t>({1, 1}, {1})),
        {1, 1, 1, 4});
  };
  EXPECT_EQ(run(0), (std::vector<float>{-3, -4, 1, 2}));
  EXPECT_EQ(run(1), (std::vector<float>{-2, 1, -4, 3}));
}

}  // namespace
}  // namespace wnn::testing
