// One weight matrix of a recurrent operator, [n][k] as ONNX has it: packed once if it is a float
// constant, otherwise turned to [k][n] before each run.
#pragma once

#include <cstring>
#include <memory>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/gemm.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

struct PackedGates {
  kernels::PackedMatrix matrix;
  size_t packed_bytes() const { return matrix.size_bytes(); }
};

// C is float or double.
template <typename C>
class GateWeights {
 public:
  GateWeights() = default;
  // Rows [first_row, first_row + n) of the matrix that begins `offset` elements into input i.
  static Result<GateWeights> Create(const CompileContext& context, size_t i, int64_t offset,
                                    int64_t n, int64_t k) {
    GateWeights weights;
    weights.input_ = i;
    weights.offset_ = offset;
    weights.n_ = n;
    weights.k_ = k;
    if constexpr (std::is_same_v<C, float>) {
      if (context.InputConstant(i) && n > 0 && k > 0) {
        const std::string layout = "gates " + std::to_string(offset) + " " + std::to_string(n);
        auto make = [&]() -> Result<std::unique_ptr<const PackedGates>> {
          const float* data =
              reinterpret_cast<const float*>(context.InputConstant(i)->bytes().data()) + offset;
          WNN_ASSIGN_OR_RETURN(
              kernels::PackedMatrix matrix,
              kernels::PackedMatrix::Create(std::span(data, static_cast<size_t>(n * k)), k, n, true,
                                            1, context.stop()));
          return std::unique_ptr<const PackedGates>(
              std::make_unique<PackedGates>(std::move(matrix)));
        };
        WNN_ASSIGN_OR_RETURN(weights.packed_, context.PackObject<PackedGates>(i, layout, make));
      }
    }
    return weights;
  }

  // Elements of C that Prepare() fills.
  int64_t PreparedSize() const { return packed_ ? 0 : n_ * k_; }
  void Prepare(const RunArgs& args, C* prepared, StopCheck& check) const {
    if (packed_) return;
    const C* source = args.in<C>(input_) + offset_;
    for (int64_t j = 0; j < n_; ++j) {
      if (check.Stopped(4 * k_)) return;
      for (int64_t l = 0; l < k_; ++l) prepared[l * n_ + j] = source[j * k_ + l];
    }
  }

  uint64_t ScratchBytes(int64_t m, int n_threads) const {
    if (!packed_) return 0;
    auto bytes = kernels::GemmScratchBytes(m, n_, k_, n_threads);
    return bytes ? *bytes : UINT64_MAX;
  }

  // out[i][0..n) = bias row i + a[i][0..k) W^T for i < m. Strides are in elements; a bias stride of
  // 0 repeats one row; a null bias is 0.
  void Multiply(const C* a, int64_t a_stride, int64_t m, const C* bias, int64_t bias_stride, C* out,
                int64_t out_stride, const C* prepared, std::byte* scratch,
                Parallel& parallel) const {
    if constexpr (std::is_same_v<C, float>) {
      if (packed_) {
        kernels::GemmArgs gemm;
        gemm.m = m;
        gemm.a = a;
        gemm.lda = a_stride;
        gemm.bias = bias;
        gemm.bias_row_stride = bias_stride;
        gemm.c = out;
        gemm.ldc = out_stride;
        const size_t bytes = static_cast<size_t>(ScratchBytes(m, parallel.n_threads()));
        kernels::Gemm(gemm, packed_->matrix, {scratch, bytes}, parallel);
        return;
      }
    }
    StopCheck check(parallel);
    for (int64_t i = 0; i < m; ++i) {
      C* row = out + i * out_stride;
      for (int64_t j = 0; j < n_; ++j) row[j] = bias != nullptr ? bias[i * bias_stride + j] : C{0};
      for (int64_t l = 0; l < k_; ++l) {
        if (check.Stopped(n_)) return;
        const C factor = a[i * a_stride + l];
        for (int64_t j = 0; j < n_; ++j) row[j] += factor * prepared[l * n_ + j];
      }
    }
  }

 private:
  size_t input_ = 0;
  int64_t offset_ = 0, n_ = 0, k_ = 0;
  std::shared_ptr<const PackedGates> packed_;
};

}  // namespace wnn::ops
