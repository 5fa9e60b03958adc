// Normalisation of rows of contiguous floats: LayerNormalization and RMSNormalization.
#pragma once

#include <cstdint>

#include "engine/base/parallel.h"

namespace wnn::kernels {

// Lifetime: borrowed for the call. Pointers have any alignment; `out` may be `in`.
struct NormRowsArgs {
  const float* in = nullptr;  // [n_rows][n]
  int64_t n_rows = 0, n = 0;
  bool centered = true;  // the mean is taken off first
  double epsilon = 0;
  const float* scale = nullptr;  // [n]
  const float* bias = nullptr;   // [n], or null
  float* out = nullptr;
  // One a row, or null.
  float* means = nullptr;
  float* inverse_deviations = nullptr;
};

// out = (x - mean) / sqrt(mean of squares of that + epsilon) * scale + bias, for each row. Sums are
// of lanes in single precision, joined in double.
void NormRows(const NormRowsArgs& args, Parallel& parallel);

}  // namespace wnn::kernels
