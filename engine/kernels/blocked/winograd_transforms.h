// The transforms of Winograd's minimal filtering F(m x m, 3 x 3), m = 2 or 4 (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks"). A tile is m + 2 inputs wide; its transform has
// (m + 2)^2 points, here numbered row by row.
#pragma once

#include <cstdint>

#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

// A transformed tile goes back to pixels: bias, residual and clamp are applied, and only the
// `height` x `width` pixels that lie inside the map are written.
struct WinogradOutArgs {
  const float* from = nullptr;  // the first point; 16 floats
  int64_t point_stride = 0;     // floats between points
  const float* bias = nullptr;  // 16 floats
  const float* residual = nullptr;
  int64_t residual_row_stride = 0;
  float* out = nullptr;
  int64_t out_row_stride = 0;
  int64_t height = 0;  // of 1..m
  int64_t width = 0;
  Clamp clamp = {};
};

// One instruction set's transforms. All pointers are 64-byte aligned.
struct WinogradKernels {
  // Transforms one tile of one channel block: pixels at in + y * row_stride + x * 16, points to
  // out + i * point_stride.
  using InFn = void (*)(const float* in, int64_t row_stride, float* out, int64_t point_stride);
  using OutFn = void (*)(const WinogradOutArgs&);
  InFn in2, in4;
  OutFn out2, out4;
};

const WinogradKernels& ActiveWinogradKernels();

// The transform of a 3x3 kernel, computed in double: (m + 2)^2 points.
void TransformWinogradWeights(int m, const float* kernel, float* points);

}  // namespace wnn::kernels
