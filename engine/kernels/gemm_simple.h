// Single-precision matrix multiplication on one register tile: the plain GEMM beneath convolution,
// Gemm and MatMul wherever no faster kernel applies.
//
// C[m][n] = sum over k of A[m][k] * B[k][n]. B is packed into panels of kGemmColumns columns; A is
// read in place, with any strides. Every element is summed in the same order whatever tile it falls
// in, so results do not depend on how work is split.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wnn::kernels {

inline constexpr int64_t kGemmColumns = 8;
inline constexpr int64_t kGemmRows = 4;

inline int64_t GemmPanels(int64_t n) { return (n + kGemmColumns - 1) / kGemmColumns; }
// Floats of B packed.
inline int64_t PackedGemmSize(int64_t k, int64_t n) { return GemmPanels(n) * k * kGemmColumns; }

// Packs B[k][n], whose element (i, j) lies at b[i * k_stride + j * n_stride], as
// [panel][k][kGemmColumns], padded with zeros.
void PackGemmColumns(const float* b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n,
                     float* packed);

struct GemmOperandA {
  const float* data = nullptr;
  int64_t row_stride = 0;
  int64_t k_stride = 1;
};

// One panel: c[i * c_row_stride + j] for i < rows, j < columns (1 to kGemmColumns), from one packed
// panel. `row_bias`, if not null, is added last: one value a row.
void GemmPanel(const GemmOperandA& a, int64_t rows, const float* panel, int64_t columns, int64_t k,
               const float* row_bias, float* c, int64_t c_row_stride);

}  // namespace wnn::kernels
