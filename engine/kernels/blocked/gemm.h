// Matrix products of row-major matrices: C = clamp(A * B + bias).
//
// B is packed in groups of 64 columns, [group][k][64], the last group as narrow as whole 16-column
// blocks allow: once for weights (PackedMatrix), in scratch memory for computed values (MatMul).
// Few rows of A stream B through at memory speed; more use the register tile of tile.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/base/aligned_buffer.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/blocked/layout.h"
#include "engine/kernels/blocked/tile.h"

namespace wnn::kernels {

// A constant B. Move-only; immutable and thread-safe: contexts share it.
class PackedMatrix {
 public:
  // `b` is k x n, or n x k if `transposed`; every value is multiplied by `alpha`. Errors:
  // kInvalidArgument if the span has another size, kTooLarge without memory. Ends early, with a
  // matrix of no use, once `stop` is stopped.
  static Result<PackedMatrix> Create(std::span<const float> b, int64_t k, int64_t n,
                                     bool transposed, float alpha, Parallel& stop = NeverStopped());

  int64_t k() const { return k_; }
  int64_t n() const { return n_; }
  const float* data() const { return reinterpret_cast<const float*>(data_.data()); }
  size_t size_bytes() const { return data_.size(); }

 private:
  AlignedBuffer data_;
  int64_t k_ = 0;
  int64_t n_ = 0;
};

// Lifetime: borrowed for the call. Pointers have any alignment; C overlaps nothing else.
struct GemmArgs {
  int64_t m = 0;
  const float* a = nullptr;  // m x k, or k x m if a_transposed
  int64_t lda = 0;           // floats between rows as stored
  bool a_transposed = false;
  const float* bias = nullptr;     // null if there is none
  int64_t bias_row_stride = 0;     // 0: the same for all rows
  int64_t bias_column_stride = 1;  // 0: one value a row
  Clamp clamp = {};
  float* c = nullptr;  // m x n
  int64_t ldc = 0;
};

// Bytes of scratch memory for Gemm with at most n_threads threads. kInvalidArgument or kTooLarge
// for sizes below 0 or too large to address.
Result<size_t> GemmScratchBytes(int64_t m, int64_t n, int64_t k, int n_threads);

// REQUIRES: `scratch` is 64-byte aligned and as large as GemmScratchBytes said for
// parallel.n_threads(). Results do not depend on the number of threads.
void Gemm(const GemmArgs& args, const PackedMatrix& b, std::span<std::byte> scratch,
          Parallel& parallel);

// A constant A for products with B a panel of columns at a time: what a convolution gathers.
// Move-only; immutable and thread-safe.
class PackedRows {
 public:
  // `a` is m x k, row-major. Errors as PackedMatrix::Create.
  static Result<PackedRows> Create(std::span<const float> a, int64_t m, int64_t k,
                                   Parallel& stop = NeverStopped());

  int64_t m() const { return m_; }
  int64_t k() const { return k_; }
  const float* data() const { return reinterpret_cast<const float*>(data_.data()); }
  size_t size_bytes() const { return data_.size(); }

 private:
  AlignedBuffer data_;  // [block of 16 of k][m][16]
  int64_t m_ = 0;
  int64_t k_ = 0;
};

inline constexpr int64_t kPanelColumns = kMaxTileBlocks * kBlock;

// Lifetime: borrowed for the call.
struct PanelArgs {
  int64_t row_begin = 0, row_end = 0;  // of A and of C
  const float* b = nullptr;            // [k][columns up to a multiple of 16], 64-byte aligned
  int64_t columns = 0;                 // 1 to kPanelColumns
  const float* bias = nullptr;         // one value a row of A; null if there is none
  float* c = nullptr;                  // row 0 of A's product
  int64_t ldc = 0;
};

// C = A * B + bias, on the calling thread.
void MultiplyPanel(const PackedRows& a, const PanelArgs& args);

// A batch of products of computed matrices. A caller whose B is the same for all items folds the
// batch into m instead.
struct MatMulArgs {
  int64_t m = 0, n = 0, k = 0;
  const float* a = nullptr;  // of item i at a + a_offsets[i]: m x k, or k x m if a_transposed
  const float* b = nullptr;  // of item i at b + b_offsets[i]: k x n, or n x k if b_transposed
  std::span<const int64_t> a_offsets;
  std::span<const int64_t> b_offsets;  // as many as a_offsets
  bool a_transposed = false;
  bool b_transposed = false;
  float alpha = 1;
  float* c = nullptr;  // [items][m][n]
};

Result<size_t> MatMulScratchBytes(int64_t m, int64_t n, int64_t k, int n_threads);

// REQUIRES: as Gemm, with MatMulScratchBytes.
void MatMul(const MatMulArgs& args, std::span<std::byte> scratch, Parallel& parallel);

}  // namespace wnn::kernels
