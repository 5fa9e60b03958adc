#include "engine/kernels/gemm_simple.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/testing/run_model.h"

namespace wnn::kernels {
namespace {

TEST(GemmSimpleTest, MatchesADoubleLoopAtEverySize) {
  for (int64_t m : {1, 2, 3, 4, 5, 9}) {
    for (int64_t n : {1, 7, 8, 9, 17}) {
      for (int64_t k : {0, 1, 3, 255, 256, 257, 700}) {
        std::vector<float> a = testing::Noise(static_cast<size_t>(m * k), 1);
        std::vector<float> b = testing::Noise(static_cast<size_t>(k * n), 2);
        std::vector<float> bias = testing::Noise(static_cast<size_t>(m), 3);
        std::vector<float> packed(static_cast<size_t>(PackedGemmSize(k, n)));
        std::vector<float> c(static_cast<size_t>(m * n), -1);
        PackGemmColumns(b.data(), n, 1, k, n, packed.data());
        for (int64_t p = 0; p < GemmPanels(n); ++p) {
          const int64_t column = p * kGemmColumns;
          GemmPanel({a.data(), k, 1}, m, packed.data() + column * k,
                    std::min(kGemmColumns, n - column), k, bias.data(), c.data() + column, n);
        }
        for (int64_t i = 0; i < m; ++i) {
          for (int64_t j = 0; j < n; ++j) {
            double sum = bias[static_cast<size_t>(i)], magnitude = std::fabs(sum);
            for (int64_t x = 0; x < k; ++x) {
              const double product = static_cast<double>(a[static_cast<size_t>(i * k + x)]) *
                                     b[static_cast<size_t>(x * n + j)];
              sum += product;
              magnitude += std::fabs(product);
            }
            // A sum of k terms in blocks: well within sqrt(k) roundings of its magnitude.
            EXPECT_NEAR(c[static_cast<size_t>(i * n + j)], sum, magnitude * 30 * 6e-8 + 1e-30)
                << m << "x" << n << "x" << k;
          }
        }
      }
    }
  }
}

TEST(GemmSimpleTest, ReadsAAndBThroughStrides) {
  // A and B transposed in memory.
  const int64_t m = 5, n = 9, k = 4;
  std::vector<float> a = testing::Noise(static_cast<size_t>(m * k), 1), at(a.size());
  std::vector<float> b = testing::Noise(static_cast<size_t>(k * n), 2), bt(b.size());
  for (size_t i = 0; i < 5; ++i) {
    for (size_t x = 0; x < 4; ++x) at[x * 5 + i] = a[i * 4 + x];
  }
  for (size_t x = 0; x < 4; ++x) {
    for (size_t j = 0; j < 9; ++j) bt[j * 4 + x] = b[x * 9 + j];
  }
  auto multiply = [&](const GemmOperandA& operand, const float* source, int64_t k_stride,
                      int64_t n_stride) {
    std::vector<float> packed(static_cast<size_t>(PackedGemmSize(k, n)));
    std::vector<float> c(static_cast<size_t>(m * n));
    PackGemmColumns(source, k_stride, n_stride, k, n, packed.data());
    for (int64_t p = 0; p < GemmPanels(n); ++p) {
      const int64_t column = p * kGemmColumns;
      GemmPanel(operand, m, packed.data() + column * k, std::min(kGemmColumns, n - column), k,
                nullptr, c.data() + column, n);
    }
    return c;
  };
  EXPECT_EQ(multiply({a.data(), k, 1}, b.data(), n, 1),
            multiply({at.data(), 1, m}, bt.data(), 1, k));
}

}  // namespace
}  // namespace wnn::kernels
