#include "engine/kernels/reference/conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/kernels/packed_conv.h"
#include "engine/kernels/reference/conv_test_util.h"
#include "engine/testing/run_model.h"

namespace wnn::kernels {
namespace {

// The definition, in double.
std::vector<float> ConvByDefinition(const ConvGeometry& s, const std::vector<float>& x,
                                    const std::vector<float>& w, const std::vector<float>& bias) {
  const Window& g = s.window;
  std::vector<float> y;
  for (int64_t image = 0; image < s.batch; ++image) {
    for (int64_t oc = 0; oc < s.out_channels; ++oc) {
      const int64_t group = oc / s.group_out();
      for (int64_t od = 0; od < g.out[0]; ++od) {
        for (int64_t oh = 0; oh < g.out[1]; ++oh) {
          for (int64_t ow = 0; ow < g.out[2]; ++ow) {
            double sum = bias.empty() ? 0.0 : bias[static_cast<size_t>(oc)];
            for (int64_t c = 0; c < s.group_in(); ++c) {
              for (int64_t kd = 0; kd < g.kernel[0]; ++kd) {
                for (int64_t kh = 0; kh < g.kernel[1]; ++kh) {
                  for (int64_t kw = 0; kw < g.kernel[2]; ++kw) {
                    const int64_t d = od * g.stride[0] - g.pad_begin[0] + kd * g.dilation[0];
                    const int64_t h = oh * g.stride[1] - g.pad_begin[1] + kh * g.dilation[1];
                    const int64_t v = ow * g.stride[2] - g.pad_begin[2] + kw * g.dilation[2];
                    if (d < 0 || d >= g.in[0] || h < 0 || h >= g.in[1] || v < 0 || v >= g.in[2]) {
                      continue;
                    }
                    const int64_t channel = image * s.in_channels + group * s.group_in() + c;
                    const int64_t at = ((channel * g.in[0] + d) * g.in[1] + h) * g.in[2] + v;
                    const int64_t tap =
                        (((oc * s.group_in() + c) * g.kernel[0] + kd) * g.kernel[1] + kh) *
                            g.kernel[2] +
                        kw;
                    sum += static_cast<double>(x[static_cast<size_t>(at)]) *
                           w[static_cast<size_t>(tap)];
                  }
                }
              }
            }
            y.push_back(static_cast<float>(sum));
          }
        }
      }
    }
  }
  return y;
}

const ConvGeometry kCases[] = {
    // pointwise, with a whole and a partial panel, one pixel, many rows
    Geometry(1, 8, 16, 1, {1, 4, 4}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}),
    Geometry(2, 5, 7, 1, {1, 3, 5}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}),
    Geometry(1, 300, 130, 1, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}),
    // 3x3: padded, strided, dilated, asymmetric
    Geometry(1, 3, 6, 1, {1, 9, 7}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}),
    Geometry(2, 4, 6, 1, {1, 9, 10}, {1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 0, 0}, {0, 1, 1}),
    Geometry(1, 4, 6, 1, {1, 12, 11}, {1, 3, 2}, {1, 2, 1}, {1, 2, 3}, {0, 2, 0}, {0, 0, 3}),
    // padding wider than the input
    Geometry(1, 2, 2, 1, {1, 2, 2}, {1, 5, 5}, {1, 1, 1}, {1, 1, 1}, {0, 4, 4}, {0, 4, 4}),
    // grouped
    Geometry(1, 6, 9, 3, {1, 5, 5}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}),
    // depthwise, with a multiplier, strided and dilated
    Geometry(2, 5, 5, 5, {1, 7, 9}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}),
    Geometry(1, 3, 6, 3, {1, 8, 8}, {1, 5, 5}, {1, 2, 2}, {1, 1, 1}, {0, 1, 2}, {0, 2, 1}),
    Geometry(1, 4, 4, 4, {1, 8, 9}, {1, 3, 3}, {1, 1, 3}, {1, 3, 2}, {0, 3, 0}, {0, 3, 0}),
    // one dimension, three dimensions
    Geometry(1, 3, 4, 1, {1, 1, 17}, {1, 1, 4}, {1, 1, 3}, {1, 1, 2}, {0, 0, 2}, {0, 0, 1}),
    Geometry(1, 2, 3, 1, {5, 6, 7}, {2, 3, 2}, {2, 1, 2}, {1, 2, 1}, {1, 1, 0}, {0, 2, 1}),
    Geometry(1, 2, 2, 2, {4, 5, 6}, {3, 3, 3}, {1, 2, 1}, {1, 1, 1}, {1, 1, 1}, {1, 1, 1}),
    // many panels of positions, in rows narrower than them; few panels of many channels
    Geometry(2, 3, 20, 1, {1, 19, 21}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 1, 1}, {0, 1, 1}),
    Geometry(1, 20, 300, 1, {1, 1, 40}, {1, 1, 5}, {1, 1, 2}, {1, 1, 1}, {0, 0, 2}, {0, 0, 2}),
    Geometry(1, 1, 70, 1, {1, 1, 2000}, {1, 1, 400}, {1, 1, 16}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}),
    // small maps of many images, in groups; one patch of much
    Geometry(40, 6, 10, 2, {1, 1, 6}, {1, 1, 3}, {1, 1, 2}, {1, 1, 2}, {0, 0, 1}, {0, 0, 2}),
    Geometry(3, 512, 70, 1, {1, 4, 4}, {1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 1, 0}, {0, 0, 1}),
    // an empty batch
    Geometry(0, 2, 3, 1, {1, 4, 4}, {1, 3, 3}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}),
};

// Computes y with `run` on one thread and on three, which must not differ by a bit.
void ExpectDefinition(
    const ConvGeometry& s, const char* what,
    FunctionRef<void(const ConvGeometry& shape, const float* x, std::span<const float> w,
                     const float* bias, float* y, Parallel& parallel)>
        run) {
  const auto x =
      testing::Noise(static_cast<size_t>(s.batch * s.in_channels * s.window.in_size()), 1);
  const auto w =
      testing::Noise(static_cast<size_t>(s.out_channels * s.group_in() * s.window.n_taps()), 2);
  const auto bias = testing::Noise(static_cast<size_t>(s.out_channels), 3);
  for (bool with_bias : {true, false}) {
    SCOPED_TRACE(::testing::Message()
                 << what << ", case " << &s - kCases << ", bias " << with_bias);
    testing::ThreadParallel three(3);
    SerialParallel serial;
    std::vector<float> first;
    for (Parallel* parallel : {static_cast<Parallel*>(&serial), static_cast<Parallel*>(&three)}) {
      std::vector<float> y(static_cast<size_t>(s.batch * s.out_channels * s.window.out_size()),
                           NAN);
      run(s, x.data(), w, with_bias ? bias.data() : nullptr, y.data(), *parallel);
      // Sums grow with the root of their terms.
      const auto terms = static_cast<float>(s.group_in() * s.window.n_taps());
      testing::ExpectNear(y, ConvByDefinition(s, x, w, with_bias ? bias : std::vector<float>()),
                          1e-6f * std::max(10.0f, std::sqrt(terms)));
      if (first.empty()) first = y;
      EXPECT_EQ(y, first);
    }
  }
}

TEST(ConvTest, MatchesTheDefinitionByPlainLoops) {
  for (const ConvGeometry& c : kCases) {
    ExpectDefinition(
        c, "plain",
        [](const ConvGeometry& s, const float* x, std::span<const float> w, const float* bias,
           float* y, Parallel& parallel) {
          std::vector<float> scratch(ConvScratchBytes(s, parallel.n_threads()) / sizeof(float));
          ConvReference(s, x, w.data(), bias, y, scratch.data(), parallel);
        });
  }
}

TEST(ConvTest, MatchesTheDefinitionByPackedProducts) {
  for (const ConvGeometry& c : kCases) {
    ExpectDefinition(c, "packed",
                     [](const ConvGeometry& s, const float* x, std::span<const float> w,
                        const float* bias, float* y, Parallel& parallel) {
                       auto packed = PackedConv::Create(w, s);
                       ASSERT_TRUE(packed.has_value());
                       auto bytes = (*packed)->ScratchBytes(s, parallel.n_threads());
                       ASSERT_TRUE(bytes.has_value());
                       auto scratch = AlignedBuffer::Allocate(*bytes);
                       ASSERT_TRUE(scratch.has_value());
                       (*packed)->Run(s, x, bias, y, scratch->bytes(), parallel);
                     });
  }
}

}  // namespace
}  // namespace wnn::kernels
