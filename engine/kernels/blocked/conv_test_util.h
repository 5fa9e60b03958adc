// What the tests of convolutions share: cases, their data, and the comparison with the reference on
// every instruction set and for several numbers of threads.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <vector>

#include "engine/kernels/blocked/conv.h"
#include "engine/kernels/blocked/test_util.h"

namespace wnn::kernels {

// A convolution's sizes, from which the output's follow.
struct Case {
  int64_t in_channels, out_channels;
  int64_t in_h, in_w;
  int64_t kernel_h = 3, kernel_w = 3;
  int64_t stride = 1;
  int64_t pad_top = 1, pad_left = 1, pad_bottom = 1, pad_right = 1;
  int64_t dilation = 1;
  int64_t groups = 1;
  int64_t batch = 1;
  bool residual = false;
};

inline int64_t OutSize(int64_t in, int64_t pads, int64_t kernel, int64_t stride, int64_t dilation) {
  return (in + pads - (kernel - 1) * dilation - 1) / stride + 1;
}

inline ConvSpec SpecOf(const Case& c) {
  return {.in_channels = c.in_channels,
          .out_channels = c.out_channels,
          .groups = c.groups,
          .kernel_h = c.kernel_h,
          .kernel_w = c.kernel_w,
          .stride_h = c.stride,
          .stride_w = c.stride,
          .dilation_h = c.dilation,
          .dilation_w = c.dilation};
}

inline ConvShape ShapeOf(const Case& c) {
  return {.batch = c.batch,
          .in_h = c.in_h,
          .in_w = c.in_w,
          .pad_top = c.pad_top,
          .pad_left = c.pad_left,
          .out_h = OutSize(c.in_h, c.pad_top + c.pad_bottom, c.kernel_h, c.stride, c.dilation),
          .out_w = OutSize(c.in_w, c.pad_left + c.pad_right, c.kernel_w, c.stride, c.dilation)};
}

inline std::string Name(const Case& c) {
  return std::to_string(c.batch) + "x" + std::to_string(c.in_channels) + "x" +
         std::to_string(c.in_h) + "x" + std::to_string(c.in_w) + " -> " +
         std::to_string(c.out_channels) + ", kernel " + std::to_string(c.kernel_h) + "x" +
         std::to_string(c.kernel_w) + " stride " + std::to_string(c.stride) + " dilation " +
         std::to_string(c.dilation) + " groups " + std::to_string(c.groups);
}

// The data of one case, and the size of what comes out.
struct Problem {
  Problem(const ConvSpec& s, const ConvShape& sh, bool with_residual)
      : spec(s),
        shape(sh),
        out_pixels(s.global_average ? 1
                   : s.pool         ? sh.pool_out_h * sh.pool_out_w
                                    : sh.out_h * sh.out_w),
        in(RandomFloats(sh.batch * s.in_channels * sh.in_h * sh.in_w, 1)),
        weights(
            RandomFloats(s.out_channels * s.in_channels / s.groups * s.kernel_h * s.kernel_w, 2)),
        bias(RandomFloats(s.out_channels, 3)) {
    if (with_residual) residual = RandomFloats(sh.batch * s.out_channels * out_pixels, 4);
  }

  reference::Map Reference() const {
    return reference::Conv(spec, shape, in, weights, bias, residual);
  }

  ConvSpec spec;
  ConvShape shape;
  int64_t out_pixels;
  std::vector<float> in, weights, bias, residual;
};

// Runs the convolution and returns its blocked output, whole.
inline std::vector<float> RunConv(const Conv& conv, const Problem& p, Parallel& parallel) {
  const int64_t in_pixels = p.shape.in_h * p.shape.in_w;
  const bool nchw = conv.algorithm() == ConvAlgorithm::kFirstLayer;
  const int64_t in_image = nchw ? p.spec.in_channels * in_pixels
                                : BlockedSize(p.spec.in_channels, p.shape.in_h, p.shape.in_w);
  const int64_t out_image = BlockCount(p.spec.out_channels) * p.out_pixels * kBlock;
  GuardedFloats in(p.shape.batch * in_image);
  if (nchw) {
    std::copy(p.in.begin(), p.in.end(), in.data());
  } else {
    Block(p.in, p.shape.batch, p.spec.in_channels, in_pixels, 7.5f, in.data());
  }
  // The output is a slice of a larger map, and its residual too.
  const int64_t gap = kBlock * 3;
  GuardedFloats out(p.shape.batch * (out_image + gap));
  GuardedFloats residual(p.shape.batch * out_image);
  ConvIo io;
  io.in = {in.data(), in_image};
  io.out = {out.data(), out_image + gap};
  if (!p.residual.empty()) {
    Block(p.residual, p.shape.batch, p.spec.out_channels, p.out_pixels, 1.0f, residual.data());
    io.residual = {residual.data(), out_image};
  }
  const Result<size_t> bytes = conv.ScratchBytes(p.shape, parallel.n_threads());
  EXPECT_TRUE(bytes.has_value());
  GuardedFloats scratch(static_cast<int64_t>((*bytes + 3) / 4));
  conv.Run(p.shape, io, scratch.bytes(), parallel);

  std::vector<float> result;
  for (int64_t n = 0; n < p.shape.batch; ++n) {
    const float* image = out.data() + n * (out_image + gap);
    result.insert(result.end(), image, image + out_image);
    for (int64_t i = 0; i < gap; ++i) {
      EXPECT_TRUE(std::isnan(image[out_image + i])) << "write between images";
    }
  }
  return result;
}

inline void Check(ConvAlgorithm algorithm, const Problem& p, double eps) {
  const reference::Map want = p.Reference();
  OnEveryIsa([&] {
    auto conv = Conv::Create(algorithm, p.spec, p.weights, p.bias);
    ASSERT_TRUE(conv.has_value()) << conv.error().message();
    SerialParallel serial;
    const std::vector<float> got = RunConv(**conv, p, serial);
    ExpectClose(Unblock(got.data(), p.shape.batch, p.spec.out_channels, p.out_pixels), want, eps);
    for (int n_threads : {2, 5}) {
      TestPool pool(n_threads);
      EXPECT_EQ(RunConv(**conv, p, pool), got) << n_threads << " threads give other bits";
    }
  });
}

// Tolerances in units of 2^-23 times the sum of the terms' magnitudes. Rounding errors of sums add
// up like a random walk over at most 128 steps, far below what the magnitudes allow.
inline constexpr double kDirectEps = 4;
// The transforms' own rounding, relative to the largest numbers in them.
inline constexpr double kWinograd2Eps = 12;
inline constexpr double kWinograd4Eps = 60;

inline void CheckCases(ConvAlgorithm algorithm, std::initializer_list<Case> cases, double eps) {
  for (const Case& c : cases) {
    SCOPED_TRACE(Name(c));
    Problem p(SpecOf(c), ShapeOf(c), c.residual);
    p.spec.clamp = {-0.75f, 2.5f};
    Check(algorithm, p, eps);
    p.spec.clamp = {};
    Check(algorithm, p, eps);
  }
}

inline Case Point(int64_t in_channels, int64_t out_channels, int64_t h, int64_t w) {
  return {.in_channels = in_channels,
          .out_channels = out_channels,
          .in_h = h,
          .in_w = w,
          .kernel_h = 1,
          .kernel_w = 1,
          .pad_top = 0,
          .pad_left = 0,
          .pad_bottom = 0,
          .pad_right = 0};
}

}  // namespace wnn::kernels
