#include "engine/kernels/blocked/norm_rows.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/kernels/blocked/test_util.h"

namespace wnn::kernels {
namespace {

TEST(NormRows, AgreesWithDoublePrecision) {
  for (int64_t n : {1, 5, 16, 63, 64, 200, 1024}) {
    constexpr int64_t kRows = 9;
    std::vector<float> x = RandomFloats(kRows * n, 1);
    for (float& value : x) value = value * 3 + 10;
    const std::vector<float> scale = RandomFloats(n, 2), bias = RandomFloats(n, 3);
    for (bool centered : {true, false}) {
      for (bool with_bias : {true, false}) {
        OnEveryIsa([&] {
          TestPool pool(3);
          GuardedFloats out(kRows * n), means(kRows), inverse(kRows);
          NormRows({.in = x.data(),
                    .n_rows = kRows,
                    .n = n,
                    .centered = centered,
                    .epsilon = 1e-3,
                    .scale = scale.data(),
                    .bias = with_bias ? bias.data() : nullptr,
                    .out = out.data(),
                    .means = means.data(),
                    .inverse_deviations = inverse.data()},
                   pool);
          for (int64_t r = 0; r < kRows; ++r) {
            const float* row = x.data() + r * n;
            double mean = 0, squares = 0;
            for (int64_t i = 0; i < n && centered; ++i) mean += row[i] / static_cast<double>(n);
            for (int64_t i = 0; i < n; ++i) squares += (row[i] - mean) * (row[i] - mean);
            const double factor = 1 / std::sqrt(squares / static_cast<double>(n) + 1e-3);
            ASSERT_NEAR(means.data()[r], mean, 1e-5);
            ASSERT_NEAR(inverse.data()[r], factor, 1e-4 * factor);
            for (int64_t i = 0; i < n; ++i) {
              const auto at = static_cast<size_t>(i);
              const double want =
                  (row[i] - mean) * factor * scale[at] + (with_bias ? bias[at] : 0.0f);
              ASSERT_NEAR(out.data()[r * n + i], want, 1e-4) << n << " " << r << " " << i;
            }
          }
        });
      }
    }
  }
}

}  // namespace
}  // namespace wnn::kernels
