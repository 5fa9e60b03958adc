// Products of matrices of 8-bit integers on the tiles of quad_tile.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/aligned_buffer.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/quantized/quad_tile.h"

namespace wnn::kernels {

// Numbers a k x n matrix has when packed; its bytes, quads and sums together.
inline int64_t PaddedQuadColumns(int64_t n) {
  return (n + kQuadLanes - 1) / kQuadLanes * kQuadLanes;
}
Result<size_t> QuadMatrixBytes(int64_t k, int64_t n);

// Where a matrix of bytes lies and how to read it.
struct ByteMatrix {
  const void* data = nullptr;
  bool is_signed = false;
  int64_t row_stride = 0;
  int64_t column_stride = 1;
};

// Packs B, k x n, as unsigned quads and sums of columns: `to` has QuadMatrixBytes(). A signed value
// becomes itself + 128, in the sums too.
void PackQuadMatrix(const ByteMatrix& b, int64_t k, int64_t n, std::byte* to, Parallel& parallel);

// The sums of columns of a packed matrix: [PaddedQuadColumns(n)].
const int32_t* QuadMatrixSums(const std::byte* packed, int64_t k, int64_t n);

// A product C[m][n] = A[m][k] B[k][n]. Row terms of the epilogue are indexed by m and lane terms by
// n, readable up to PaddedQuadColumns(n); `row_sum` and `lane_sum` are set here. Zero points in
// row_zero and lane_zero are those of A as signed (a - 128 if A is unsigned) and of B as unsigned
// bytes (b + 128 if it is signed).
struct QuadGemmArgs {
  int64_t m = 0, n = 0, k = 0;
  ByteMatrix a;
  const std::byte* b = nullptr;  // packed
  QuadEpilogue epilogue;
  void* c = nullptr;
  int64_t ldc = 0;  // elements between rows
};

Result<size_t> QuadGemmScratchBytes(int64_t m, int64_t n, int64_t k);

// REQUIRES: `scratch` is 64-byte aligned and as large as QuadGemmScratchBytes said. Results do not
// depend on the number of threads.
void QuadGemm(const QuadGemmArgs& args, std::byte* scratch, Parallel& parallel);

}  // namespace wnn::kernels
