#include "engine/kernels/lrn.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/kernels/isa.h"
#include "engine/testing/run_model.h"

namespace wnn::kernels {
namespace {

struct Map {
  explicit Map(int64_t floats)
      : buffer(std::move(*AlignedBuffer::AllocateZeroed(static_cast<size_t>(floats) * 4))) {}
  float* data() const { return reinterpret_cast<float*>(buffer.data()); }
  AlignedBuffer buffer;
};

int64_t At(const LrnParams& p, int64_t image, int64_t channel, int64_t pixel) {
  return image * BlockedSize(p.channels, p.n_pixels, 1) +
         (channel / kBlock * p.n_pixels + pixel) * kBlock + channel % kBlock;
}

double Expected(const LrnParams& p, const float* x, int64_t image, int64_t channel, int64_t pixel) {
  double squares = 0;
  for (int64_t c = std::max<int64_t>(0, channel - (p.size - 1) / 2);
       c <= std::min(p.channels - 1, channel + p.size / 2); ++c) {
    const double value = static_cast<double>(x[At(p, image, c, pixel)]);
    squares += value * value;
  }
  const double scale = static_cast<double>(p.bias) +
                       static_cast<double>(p.alpha) / static_cast<double>(p.size) * squares;
  return static_cast<double>(x[At(p, image, channel, pixel)]) /
         std::pow(scale, static_cast<double>(p.beta));
}

void Check(const LrnParams& p, Parallel& parallel) {
  const int64_t image = BlockedSize(p.channels, p.n_pixels, 1);
  const Map in(p.batch * image), out(p.batch * image);
  // Lanes past the channels hold numbers too: they must not count.
  const std::vector<float> noise = testing::Noise(static_cast<size_t>(p.batch * image));
  for (size_t i = 0; i < noise.size(); ++i) in.data()[i] = noise[i] * 3;
  const Map scratch(LrnThreadFloats(p) * parallel.n_threads());
  Lrn(p, {in.data(), image}, {out.data(), image}, scratch.data(), parallel);
  for (int64_t n = 0; n < p.batch; ++n) {
    for (int64_t c = 0; c < p.channels; ++c) {
      for (int64_t i = 0; i < p.n_pixels; ++i) {
        const double expected = Expected(p, in.data(), n, c, i);
        // Sums of up to 33 squares and a power: a few rounding errors each.
        ASSERT_NEAR(out.data()[At(p, n, c, i)], expected, 3e-6 * std::abs(expected) + 1e-12)
            << "channel " << c << " of " << p.channels << ", size " << p.size;
      }
    }
  }
}

TEST(LrnTest, EveryInstructionSetSizeAndExponent) {
  SerialParallel serial;
  testing::ThreadParallel three(3);
  for (const std::string& isa : SupportedIsas()) {
    ASSERT_TRUE(RestrictIsa(isa).ok());
    for (int64_t channels : {1, 7, 16, 17, 40}) {
      for (int64_t size : {1, 2, 5, 8, 33}) {
        for (float beta : {0.75f, 0.5f, 1.0f, 0.3f}) {
          LrnParams p{.batch = 2,
                      .channels = channels,
                      .n_pixels = 5,
                      .size = size,
                      .alpha = 0.7f,
                      .beta = beta,
                      .bias = 1.5f};
          Check(p, serial);
          Check(p, three);
        }
      }
    }
  }
  ASSERT_TRUE(RestrictIsa("").ok());
}

}  // namespace
}  // namespace wnn::kernels
