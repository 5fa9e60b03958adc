#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

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
