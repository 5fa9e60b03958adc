#include "engine/kernels/fft.h"

#include <gtest/gtest.h>

#include <numbers>

#include "engine/testing/run_model.h"

namespace wnn::kernels {
namespace {

using Complex = std::complex<double>;

TEST(FftTest, AgreesWithTheDefinitionAndComesBack) {
  SerialParallel serial;
  for (int64_t n : {1, 2, 3, 5, 8, 12, 64, 97, 100}) {
    const Fft fft(n);
    const std::vector<float> noise = testing::Noise(static_cast<size_t>(2 * n), 3);
    std::vector<Complex> data, scratch(static_cast<size_t>(fft.ScratchSize()));
    for (size_t i = 0; i < static_cast<size_t>(n); ++i)
      data.emplace_back(noise[2 * i], noise[2 * i + 1]);
    const std::vector<Complex> given = data;
    fft.Run(data, false, scratch.data(), serial);
    for (int64_t k = 0; k < n; ++k) {
      Complex sum = 0;
      for (int64_t j = 0; j < n; ++j) {
        const double angle =
            -2 * std::numbers::pi * static_cast<double>(j * k % n) / static_cast<double>(n);
        sum += given[static_cast<size_t>(j)] * Complex(std::cos(angle), std::sin(angle));
      }
      EXPECT_LT(std::abs(data[static_cast<size_t>(k)] - sum), 1e-12) << n << " at " << k;
    }
    fft.Run(data, true, scratch.data(), serial);
    for (size_t i = 0; i < data.size(); ++i) {
      EXPECT_LT(std::abs(data[i] / static_cast<double>(n) - given[i]), 1e-13) << n << " at " << i;
    }
  }
}

}  // namespace
}  // namespace wnn::kernels
