// Every algorithm behind Conv, over sizes, strides, pads, dilations, groups and batches.
#include <gtest/gtest.h>

#include <array>

#include "engine/kernels/blocked/conv_test_util.h"

namespace wnn::kernels {
namespace {

TEST(PointwiseConv, MatchesReference) {
  for (int64_t size : {1, 2, 7, 13, 14, 15, 28}) {
    for (int64_t channels : {3, 16, 40}) {
      Case c = Point(channels, channels + 9, size, size);
      CheckCases(ConvAlgorithm::kPointwise, {c}, kDirectEps);
      c.batch = 3;
      c.residual = true;
      CheckCases(ConvAlgorithm::kPointwise, {c}, kDirectEps);
    }
  }
}

TEST(PointwiseConv, LongSumsAreFlushed) {
  CheckCases(ConvAlgorithm::kPointwise, {Point(1000, 33, 5, 3), Point(129, 80, 1, 1)}, kDirectEps);
}

TEST(PointwiseConv, ManyTasks) {
  Case c = Point(64, 160, 56, 57);
  CheckCases(ConvAlgorithm::kPointwise, {c}, kDirectEps);
  c = Point(320, 256, 7, 7);
  c.batch = 2;
  CheckCases(ConvAlgorithm::kPointwise, {c}, kDirectEps);
}

TEST(PointwiseConv, StridesAndPadding) {
  Case c = Point(24, 48, 15, 14);
  c.stride = 2;
  CheckCases(ConvAlgorithm::kPointwise, {c}, kDirectEps);
  c.pad_top = 1;
  c.pad_right = 2;
  c.batch = 2;
  CheckCases(ConvAlgorithm::kPointwise, {c}, kDirectEps);
  c.stride = 1;
  CheckCases(ConvAlgorithm::kPointwise, {c}, kDirectEps);
}

// Groups that panels of weights straddle, by little and by much.
TEST(PointwiseConv, Groups) {
  for (const auto& [groups, in, out] : std::vector<std::array<int64_t, 3>>{{4, 136, 136},
                                                                           {4, 24, 112},
                                                                           {3, 240, 60},
                                                                           {8, 64, 256},
                                                                           {2, 64, 160},
                                                                           {32, 128, 128},
                                                                           {5, 5, 10},
                                                                           {7, 49, 7}}) {
    Case c = Point(in, out, 9, 7);
    c.groups = groups;
    c.batch = 2;
    c.residual = groups % 2 == 0;
    CheckCases(ConvAlgorithm::kPointwise, {c}, kDirectEps);
    c.residual = false;
    ConvSpec spec = SpecOf(c);
    spec.global_average = true;
    Check(ConvAlgorithm::kPointwise, Problem(spec, ShapeOf(c), false), kDirectEps);
  }
}

TEST(PointwiseConv, GlobalAverage) {
  for (int64_t pad : {0, 1}) {
    for (int64_t stride : {1, 2}) {
      Case c = Point(40, 100, 13, 14);
      c.pad_top = c.pad_left = c.pad_bottom = c.pad_right = pad;
      c.stride = stride;
      c.batch = 2;
      ConvSpec spec = SpecOf(c);
      spec.clamp = {0.0f, 3.0f};
      spec.global_average = true;
      Check(ConvAlgorithm::kPointwise, Problem(spec, ShapeOf(c), false), kDirectEps);
    }
  }
}

TEST(DirectConv, MatchesReference) {
  for (int64_t size : {1, 2, 7, 13, 14, 15, 28}) {
    CheckCases(ConvAlgorithm::kDirect,
               {{.in_channels = 20, .out_channels = 50, .in_h = size, .in_w = size},
                {.in_channels = 16,
                 .out_channels = 16,
                 .in_h = size,
                 .in_w = size + 3,
                 .stride = 2,
                 .batch = 2,
                 .residual = true}},
               kDirectEps);
  }
}

TEST(DirectConv, KernelsStridesPadsDilationsGroups) {
  CheckCases(
      ConvAlgorithm::kDirect,
      {
          {.in_channels = 18,
           .out_channels = 33,
           .in_h = 17,
           .in_w = 19,
           .kernel_h = 5,
           .kernel_w = 2,
           .stride = 3,
           .pad_top = 0,
           .pad_left = 2,
           .pad_bottom = 3,
           .pad_right = 1},
          {.in_channels = 32,
           .out_channels = 16,
           .in_h = 20,
           .in_w = 9,
           .kernel_h = 7,
           .kernel_w = 1,
           .pad_top = 3,
           .pad_left = 0,
           .pad_bottom = 3,
           .pad_right = 0},
          {.in_channels = 32,
           .out_channels = 48,
           .in_h = 12,
           .in_w = 12,
           .pad_top = 0,
           .pad_left = 0,
           .pad_bottom = 0,
           .pad_right = 0,
           .batch = 3},
          {.in_channels = 16,
           .out_channels = 32,
           .in_h = 23,
           .in_w = 21,
           .stride = 2,
           .pad_top = 2,
           .pad_left = 2,
           .pad_bottom = 2,
           .pad_right = 2,
           .dilation = 2},
          {.in_channels = 16,
           .out_channels = 16,
           .in_h = 30,
           .in_w = 30,
           .stride = 1,
           .pad_top = 6,
           .pad_left = 6,
           .pad_bottom = 6,
           .pad_right = 6,
           .dilation = 6},
          {.in_channels = 64, .out_channels = 96, .in_h = 9, .in_w = 10, .groups = 2, .batch = 2},
          {.in_channels = 48, .out_channels = 48, .in_h = 8, .in_w = 8, .stride = 2, .groups = 3},
          {.in_channels = 128, .out_channels = 128, .in_h = 7, .in_w = 9, .groups = 32, .batch = 2},
          {.in_channels = 40, .out_channels = 60, .in_h = 8, .in_w = 8, .stride = 2, .groups = 4},
          {.in_channels = 9, .out_channels = 18, .in_h = 6, .in_w = 5, .groups = 9},
          // One row: a one-dimensional convolution, whose row is cut.
          {.in_channels = 32,
           .out_channels = 32,
           .in_h = 1,
           .in_w = 1500,
           .kernel_h = 1,
           .kernel_w = 9,
           .stride = 2,
           .pad_top = 0,
           .pad_left = 4,
           .pad_bottom = 0,
           .pad_right = 4},
          // Padding beyond the map, and a stride beyond the kernel.
          {.in_channels = 16,
           .out_channels = 16,
           .in_h = 2,
           .in_w = 2,
           .pad_top = 5,
           .pad_left = 5,
           .pad_bottom = 5,
           .pad_right = 5},
          {.in_channels = 16, .out_channels = 16, .in_h = 20, .in_w = 20, .stride = 5},
          {.in_channels = 160, .out_channels = 160, .in_h = 14, .in_w = 14},
      },
      kDirectEps);
}

void CheckWinograd(ConvAlgorithm algorithm, double eps) {
  for (int64_t size : {1, 2, 7, 13, 14, 15, 28}) {
    CheckCases(algorithm,
               {{.in_channels = 20, .out_channels = 50, .in_h = size, .in_w = size},
                {.in_channels = 32,
                 .out_channels = 16,
                 .in_h = size,
                 .in_w = size + 5,
                 .batch = 3,
                 .residual = true}},
               eps);
  }
  CheckCases(algorithm,
             {{.in_channels = 16,
               .out_channels = 32,
               .in_h = 9,
               .in_w = 11,
               .pad_top = 0,
               .pad_left = 2,
               .pad_bottom = 1,
               .pad_right = 0},
              {.in_channels = 160, .out_channels = 48, .in_h = 12, .in_w = 12},
              {.in_channels = 32, .out_channels = 32, .in_h = 56, .in_w = 56},
              {.in_channels = 48, .out_channels = 64, .in_h = 16, .in_w = 20, .batch = 2}},
             eps);
}

TEST(WinogradConv, Tiles2) { CheckWinograd(ConvAlgorithm::kWinograd2, kWinograd2Eps); }
TEST(WinogradConv, Tiles4) { CheckWinograd(ConvAlgorithm::kWinograd4, kWinograd4Eps); }

TEST(DepthwiseConv, MatchesReference) {
  for (int64_t kernel : {1, 2, 3, 5, 7}) {
    for (int64_t stride : {1, 2, 3}) {
      for (int64_t size : {1, 2, 7, 14, 15, 28}) {
        const int64_t pad = kernel / 2;
        if (size + 2 * pad < kernel) continue;
        CheckCases(ConvAlgorithm::kDepthwise,
                   {{.in_channels = 24,
                     .out_channels = 24,
                     .in_h = size,
                     .in_w = size + 1,
                     .kernel_h = kernel,
                     .kernel_w = kernel,
                     .stride = stride,
                     .pad_top = pad,
                     .pad_left = pad,
                     .pad_bottom = pad,
                     .pad_right = pad,
                     .groups = 24,
                     .batch = 2}},
                   kDirectEps);
      }
    }
  }
}

TEST(DepthwiseConv, PadsAndDilations) {
  CheckCases(ConvAlgorithm::kDepthwise,
             {{.in_channels = 17,
               .out_channels = 17,
               .in_h = 19,
               .in_w = 20,
               .pad_top = 0,
               .pad_left = 0,
               .pad_bottom = 2,
               .pad_right = 1,
               .groups = 17},
              {.in_channels = 32,
               .out_channels = 32,
               .in_h = 19,
               .in_w = 20,
               .stride = 2,
               .pad_top = 0,
               .pad_left = 0,
               .pad_bottom = 1,
               .pad_right = 1,
               .groups = 32},
              {.in_channels = 32,
               .out_channels = 32,
               .in_h = 19,
               .in_w = 20,
               .pad_top = 4,
               .pad_left = 4,
               .pad_bottom = 4,
               .pad_right = 4,
               .dilation = 4,
               .groups = 32},
              {.in_channels = 16,
               .out_channels = 16,
               .in_h = 2,
               .in_w = 3,
               .pad_top = 4,
               .pad_left = 4,
               .pad_bottom = 4,
               .pad_right = 4,
               .groups = 16},
              {.in_channels = 16,
               .out_channels = 16,
               .in_h = 1,
               .in_w = 200,
               .kernel_h = 1,
               .kernel_w = 15,
               .pad_top = 0,
               .pad_left = 14,
               .pad_bottom = 0,
               .pad_right = 0,
               .groups = 16}},
             kDirectEps);
}

TEST(FirstLayerConv, MatchesReference) {
  for (int64_t kernel : {1, 3, 7}) {
    for (int64_t stride : {1, 2, 4}) {
      const int64_t pad = kernel / 2;
      CheckCases(ConvAlgorithm::kFirstLayer,
                 {{.in_channels = 3,
                   .out_channels = 24,
                   .in_h = 30,
                   .in_w = 35,
                   .kernel_h = kernel,
                   .kernel_w = kernel,
                   .stride = stride,
                   .pad_top = pad,
                   .pad_left = pad,
                   .pad_bottom = pad,
                   .pad_right = pad,
                   .batch = 2},
                  {.in_channels = 1,
                   .out_channels = 50,
                   .in_h = 28,
                   .in_w = 29,
                   .kernel_h = kernel,
                   .kernel_w = kernel,
                   .stride = stride,
                   .pad_top = 0,
                   .pad_left = 0,
                   .pad_bottom = 0,
                   .pad_right = 0},
                  {.in_channels = 4,
                   .out_channels = 16,
                   .in_h = 7,
                   .in_w = 9,
                   .kernel_h = kernel,
                   .kernel_w = kernel,
                   .stride = stride,
                   .pad_top = 0,
                   .pad_left = pad,
                   .pad_bottom = pad,
                   .pad_right = 0}},
                 kDirectEps);
    }
  }
}

TEST(FirstLayerConv, PaddingValues) {
  Problem p({.in_channels = 3,
             .out_channels = 32,
             .kernel_h = 3,
             .kernel_w = 3,
             .stride_h = 2,
             .stride_w = 2,
             .pad_values = {0.5f, -2.0f, 1.0f}},
            {.in_h = 21, .in_w = 20, .pad_top = 1, .pad_left = 1, .out_h = 11, .out_w = 11}, false);
  Check(ConvAlgorithm::kFirstLayer, p, kDirectEps);
}

TEST(FirstLayerConv, PooledRows) {
  for (int64_t pool_pad : {0, 1}) {
    // A pooling whose last window is cut by the map's edge.
    Problem p({.in_channels = 3,
               .out_channels = 40,
               .kernel_h = 3,
               .kernel_w = 3,
               .stride_h = 2,
               .stride_w = 2,
               .clamp = {0.0f, 6.0f},
               .pool = PoolTail{.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2}},
              {.batch = 2,
               .in_h = 64,
               .in_w = 60,
               .pad_top = pool_pad,
               .pad_left = 0,
               .out_h = 31,
               .out_w = 29,
               .pool_pad_top = pool_pad,
               .pool_pad_left = pool_pad,
               .pool_out_h = 16,
               .pool_out_w = 15},
              false);
    Check(ConvAlgorithm::kFirstLayer, p, kDirectEps);
  }
}

}  // namespace
}  // namespace wnn::kernels
