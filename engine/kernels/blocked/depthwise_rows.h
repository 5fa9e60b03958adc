// Depthwise convolution of one row of outputs of one channel block.
#pragma once

#include <cstdint>

#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

// Every tap of every pixel exists: the caller has padded the rows or leaves out taps at the border.
struct DepthwiseRowArgs {
  const float* const* rows = nullptr;  // [kernel_h]: the first pixel's first tap
  int64_t kernel_h = 0;
  int64_t kernel_w = 0;
  int64_t stride = 0;              // floats between the first taps of neighbouring outputs
  int64_t dilation = 0;            // floats between neighbouring taps
  const float* weights = nullptr;  // [kernel_h][weight_row_stride], taps of 16 floats
  int64_t weight_row_stride = 0;
  const float* bias = nullptr;  // 16 floats
  Clamp clamp = {};
  float* out = nullptr;
  int64_t n_pixels = 0;
};

using DepthwiseRowFn = void (*)(const DepthwiseRowArgs&);

// One instruction set's row kernels.
struct DepthwiseKernels {
  DepthwiseRowFn any;
  // Unrolled; [0] for stride 1, [1] for stride 2; dilation 1, weight_row_stride kernel_w * 16.
  DepthwiseRowFn square3[2];
  DepthwiseRowFn square5[2];

  // The fastest for the case; strides in pixels.
  DepthwiseRowFn Pick(int64_t kernel_h, int64_t kernel_w, int64_t stride_w,
                      int64_t dilation_w) const;
};

const DepthwiseKernels& ActiveDepthwiseKernels();

}  // namespace wnn::kernels
