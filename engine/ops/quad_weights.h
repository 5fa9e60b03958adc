// A constant matrix of 8-bit integers, for products with 8-bit rows that end as floats.
#pragma once

#include <vector>

#include "engine/kernels/quantized/quad_gemm.h"
#include "engine/ops/op_context.h"
#include "engine/ops/pack_cache.h"

namespace wnn::ops {

// [k][n], packed once for all plans of a model; with one scale and zero point, or one of each for
// every column.
class QuadWeights {
 public:
  // Which inputs of the node hold what, all of them constants. `zero` may be left out: zeros.
  struct Inputs {
    size_t weights = 0, scale = 0, zero = 0;
  };
  // What is multiplied: m rows of k bytes, real = (byte - zero) * scale.
  struct Rows {
    const void* bytes = nullptr;
    bool is_signed = false;
    float scale = 0;
    int32_t zero = 0;
    int64_t m = 0;
  };

  // Matrix `matrix` of `n_matrices` that follow each other, as their scales and zero points do.
  // kUnsupportedOperation unless all are constants, kInvalidArgument if they do not fit each other.
  static Result<QuadWeights> Create(const CompileContext& context, const Inputs& inputs,
                                    int64_t matrix, int64_t n_matrices, int64_t k, int64_t n);

  uint64_t ScratchBytes(int64_t m) const;
  // c[i][j] = rows[i] . column j + bias[j], exact but for the scales and the bias; a null bias is
  // 0. `c` is dense. `scratch`: ScratchBytes(rows.m), aligned to 64 bytes.
  void Multiply(const Rows& rows, const float* bias, float* c, std::byte* scratch,
                Parallel& parallel) const;

 private:
  int64_t k_ = 0, n_ = 0;
  PackedPtr packed_;
  // [PaddedQuadColumns(n)], as QuadGemmArgs wants them.
  std::vector<int32_t> zeros_;
  std::vector<float> scales_;
};

}  // namespace wnn::ops
