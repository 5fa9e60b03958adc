// Convolution in NCHW (NCW, NCDHW) by plain loops over a packed GEMM; depthwise directly.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/parallel.h"
#include "engine/kernels/reference/window.h"

namespace wnn::kernels {

struct ConvGeometry {
  int64_t batch = 1;
  int64_t in_channels = 1;
  int64_t out_channels = 1;
  int64_t groups = 1;  // divides both numbers of channels
  Window window;

  int64_t group_in() const { return in_channels / groups; }
  int64_t group_out() const { return out_channels / groups; }
};

// Bytes of working memory for ConvReference.
uint64_t ConvScratchBytes(const ConvGeometry& shape, int n_threads);

// x is [batch, in_channels, in...], w [out_channels, in_channels / groups, kernel...], bias
// [out_channels] or null, y [batch, out_channels, out...]. `scratch` has ConvScratchBytes() for
// `parallel`. Sums start from zero and take the bias last.
void ConvReference(const ConvGeometry& shape, const float* x, const float* w, const float* bias,
                   float* y, float* scratch, Parallel& parallel);

}  // namespace wnn::kernels
