#include "engine/ops/quad_weights.h"

#include <algorithm>
#include <string>

#include "engine/base/first_touch.h"
#include "engine/kernels/reference/number_io.h"
#include "engine/ops/attention_parts.h"
#include "engine/ops/blocked_conv_node.h"

namespace wnn::ops {
namespace {

// Those of one matrix of the constant input i: [columns], the last one repeated beyond n.
Result<std::vector<double>> Columns(const CompileContext& context, size_t i, int64_t matrix,
                                    int64_t n_matrices, int64_t n) {
  const Tensor& tensor = *context.InputConstant(i);
  const int64_t count = tensor.n_elements();
  if (count != n_matrices && count != n_matrices * n) {
    return InvalidArgument("input " + std::to_string(i) + " has " + std::to_string(count) +
                           " numbers for " + std::to_string(n_matrices) + " matrices of " +
                           std::to_string(n) + " columns");
  }
  std::vector<double> all(static_cast<size_t>(count));
  kernels::ReadNumbers(tensor.dtype(), tensor.bytes().data(), 0, count, all.data());
  std::vector<double> columns(static_cast<size_t>(kernels::PaddedQuadColumns(n)));
  for (size_t j = 0; j < columns.size(); ++j) {
    const int64_t column = std::min(static_cast<int64_t>(j), n - 1);
    columns[j] = all[static_cast<size_t>(count == n_matrices ? matrix : matrix * n + column)];
  }
  return columns;
}

}  // namespace

Result<QuadWeights> QuadWeights::Create(const CompileContext& context, const Inputs& inputs,
                                        int64_t matrix, int64_t n_matrices, int64_t k, int64_t n) {
  for (size_t i : {inputs.weights, inputs.scale, inputs.zero}) {
    if (i == inputs.zero && !context.HasInput(i)) continue;
    if (!context.HasInput(i) || context.InputConstant(i) == nullptr) {
      return Unsupported("8-bit weights, their scales and zero points must be constants");
    }
  }
  QuadWeights made;
  made.k_ = k;
  made.n_ = n;
  if (n == 0) return made;
  const bool is_signed = context.InputType(inputs.weights) == DType::kInt8;
  WNN_ASSIGN_OR_RETURN(std::vector<double> scales,
                       Columns(context, inputs.scale, matrix, n_matrices, n));
  made.scales_.assign(scales.begin(), scales.end());
  std::vector<double> zeros(scales.size());
  if (context.HasInput(inputs.zero)) {
    WNN_ASSIGN_OR_RETURN(zeros, Columns(context, inputs.zero, matrix, n_matrices, n));
  }
  for (double zero : zeros) {
    made.zeros_.push_back(static_cast<int32_t>(zero) + (is_signed ? 128 : 0));
  }
  WNN_ASSIGN_OR_RETURN(const size_t bytes, kernels::QuadMatrixBytes(k, n));
  const PackKey key = PackKey("quad weights").Add(matrix, k, n);
  WNN_ASSIGN_OR_RETURN(
      made.packed_, context.Pack(inputs.weights, key.key(), [&]() -> Result<AlignedBuffer> {
        WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, AlignedBuffer::Allocate(bytes));
        FirstTouch(buffer.bytes(), context.stop());
        const std::byte* from = context.InputConstant(inputs.weights)->bytes().data();
        kernels::PackQuadMatrix({from + matrix * k * n, is_signed, n, 1}, k, n, buffer.data(),
                                context.stop());
        return buffer;
      }));
  return made;
}

uint64_t QuadWeights::ScratchBytes(int64_t m) const {
  const auto product = kernels::QuadGemmScratchBytes(m, n_, k_);
  const auto lanes = static_cast<int64_t>(scales_.size());
  return product
             ? *product + ScratchPieces::Bytes<int32_t>(m) + 2 * ScratchPieces::Bytes<float>(lanes)
             : UINT64_MAX;
}

void QuadWeights::Multiply(const Rows& rows, const float* bias, float* c, std::byte* scratch,
                           Parallel& parallel) const {
  ScratchPieces memory(scratch);
  auto* row_zeros = memory.Take<int32_t>(rows.m);
  auto* scales = memory.Take<float>(static_cast<int64_t>(scales_.size()));
  auto* biases = memory.Take<float>(static_cast<int64_t>(scales_.size()));
  std::fill_n(row_zeros, rows.m, rows.zero - (rows.is_signed ? 0 : 128));
  // One factor for each column, so that a result is rounded where ONNX Runtime's is.
  for (size_t j = 0; j < scales_.size(); ++j) scales[j] = rows.scale * scales_[j];
  kernels::QuadGemmArgs args;
  args.m = rows.m;
  args.n = n_;
  args.k = k_;
  args.a = {rows.bytes, rows.is_signed, k_, 1};
  args.b = packed_ != nullptr ? packed_->data() : nullptr;
  args.epilogue.output = kernels::QuadEpilogue::Output::kFloat;
  args.epilogue.row_zero = row_zeros;
  args.epilogue.lane_zero = zeros_.data();
  args.epilogue.lane_scale = scales;
  if (bias != nullptr) {
    std::copy_n(bias, n_, biases);
    std::fill(biases + n_, biases + scales_.size(), 0.0f);
    args.epilogue.lane_bias = biases;
  }
  args.c = c;
  args.ldc = n_;
  kernels::QuadGemm(args, memory.rest(), parallel);
}

}  // namespace wnn::ops
