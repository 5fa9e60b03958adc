// Pooling of one row of outputs of one channel block.
#pragma once

#include <cstdint>

#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

struct PoolRowArgs {
  const float* const* rows = nullptr;  // [n_rows]: column 0 of the rows that the window meets
  int64_t n_rows = 0;                  // at least 1 for an average
  int64_t in_w = 0;
  int64_t kernel_w = 0;
  int64_t stride_w = 1;
  int64_t dilation_w = 1;
  int64_t pad_left = 0;
  float* out = nullptr;
  int64_t out_w = 0;
  // Averages: a window of n columns divides by row_divisor * n, where n counts what lies inside the
  // map, or with count_padding inside [-pad_left, in_w + pad_right).
  int64_t row_divisor = 1;
  bool count_padding = false;
  int64_t pad_right = 0;
};

// One instruction set's row kernels. A maximum over nothing is -infinity, an average 0.
struct PoolKernels {
  void (*max_row)(const PoolRowArgs&);
  void (*average_row)(const PoolRowArgs&);
  // out[16] = the mean of n_pixels pixels.
  void (*mean)(const float* in, int64_t n_pixels, float* out);
};

const PoolKernels& ActivePoolKernels();

}  // namespace wnn::kernels
