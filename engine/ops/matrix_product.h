// Matrix products in single precision on the packed kernels: what Gemm, MatMul, ONNX Runtime's
// FusedMatMul and the optimiser's own nodes have in common.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/kernels/blocked/layout.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

// clamp(alpha * op(A) * op(B) + bias), where A is input 0, B input 1 and op may swap the last two
// dimensions. Dimensions before those broadcast.
struct MatrixProduct {
  Shape a, b;  // of rank 2 or more, as stored
  bool trans_a = false, trans_b = false;
  float alpha = 1;

  // Input 2, of rank 0 to 2, broadcast to the matrices of the result. With a clamp and with
  // has_bias only a constant B of rank 2 is allowed.
  bool has_bias = false;
  kernels::Clamp clamp = {};

  int64_t m() const { return a[a.size() - (trans_a ? 1 : 2)]; }
  int64_t k() const { return a[a.size() - (trans_a ? 2 : 1)]; }
  int64_t n() const { return b[b.size() - (trans_b ? 2 : 1)]; }
  // The result's shape.
  Shape Out() const;
};

// A constant B of one matrix is packed once for all plans. Errors: kInvalidArgument if the bias
// does not broadcast, kTooLarge. REQUIRES: the inputs are of those shapes, in single precision, and
// their inner dimensions agree.
Result<std::unique_ptr<const CompiledOp>> CompileMatrixProduct(const CompileContext& context,
                                                               const MatrixProduct& product);

// Whether CompileMatrixProduct() would take a bias.
bool HasPackedMatrix(const CompileContext& context);

}  // namespace wnn::ops
