// The product of few rows with a packed matrix: bound by the speed at which weights arrive.
#pragma once

#include <cstdint>

#include "engine/kernels/blocked/layout.h"
#include "engine/kernels/blocked/tile.h"

namespace wnn::kernels {

inline constexpr int kMaxGemmRows = 4;

// out[row][n] = sum over k of a[row * lda + k] * weights[k][n], for the n of `blocks` blocks.
struct GemmRowsArgs {
  const float* a = nullptr;
  int64_t lda = 0;
  int64_t k = 0;
  const float* weights = nullptr;  // [k][blocks * 16], 64-byte aligned
  int blocks = 0;                  // up to kMaxTileBlocks
  float* out = nullptr;            // rows kMaxTileBlocks * 16 apart, 64-byte aligned
};

// One instruction set's kernels, by the number of rows.
struct GemmRowsKernels {
  void (*rows[kMaxGemmRows + 1])(const GemmRowsArgs&);
};

const GemmRowsKernels& ActiveGemmRowsKernels();

}  // namespace wnn::kernels
