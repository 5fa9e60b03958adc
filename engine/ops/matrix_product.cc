#include "engine/ops/matrix_product.h"

#include <algorithm>

#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
constexpr size_t kA = 0, kB = 1, kBias = 2;

uint64_t BytesOrTooMany(const Result<size_t>& bytes) { return bytes ? *bytes : UINT64_MAX; }

struct PackedB {
  kernels::PackedMatrix matrix;
  size_t packed_bytes() const { return matrix.size_bytes(); }
};

class PackedProductOp final : public CompiledOp {
 public:
  PackedProductOp(std::shared_ptr<const PackedB> b, const kernels::GemmArgs& args)
      : b_(std::move(b)), args_(args) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return BytesOrTooMany(
        kernels::GemmScratchBytes(args_.m, b_->matrix.n(), b_->matrix.k(), n_threads));
  }

  Status Run(const RunArgs& run) const override {
    kernels::GemmArgs args = args_;
    args.a = run.in<float>(kA);
    args.bias = run.in<float>(kBias);
    args.c = run.out<float>(0);
    const auto bytes = static_cast<size_t>(ScratchBytes(run.parallel->n_threads()));
    kernels::Gemm(args, b_->matrix, {run.scratch, bytes}, *run.parallel);
    return OkStatus();
  }

 private:
  const std::shared_ptr<const PackedB> b_;
  const kernels::GemmArgs args_;
};

class ComputedProductOp final : public CompiledOp {
 public:
  ComputedProductOp(const kernels::MatMulArgs& args, std::vector<int64_t> a_offsets,
                    std::vector<int64_t> b_offsets)
      : args_(args), a_offsets_(std::move(a_offsets)), b_offsets_(std::move(b_offsets)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return BytesOrTooMany(kernels::MatMulScratchBytes(args_.m, args_.n, args_.k, n_threads));
  }

  Status Run(const RunArgs& run) const override {
    kernels::MatMulArgs args = args_;
    args.a = run.in<float>(kA);
    args.b = run.in<float>(kB);
    args.a_offsets = a_offsets_;
    args.b_offsets = b_offsets_;
    args.c = run.out<float>(0);
    const auto bytes = static_cast<size_t>(ScratchBytes(run.parallel->n_threads()));
    kernels::MatMul(args, {run.scratch, bytes}, *run.parallel);
    return OkStatus();
  }

 private:
  const kernels::MatMulArgs args_;
  const std::vector<int64_t> a_offsets_;
  const std::vector<int64_t> b_offsets_;
};

Shape Batch(const Shape& shape) { return {shape.begin(), shape.end() - 2}; }

// Where the matrices of an operand lie for every matrix of the result.
std::vector<int64_t> MatrixOffsets(const Shape& operand, const Shape& batch) {
  const int64_t matrix = operand[operand.size() - 1] * operand[operand.size() - 2];
  const std::vector<int64_t> strides = kernels::BroadcastStrides(Batch(operand), batch);
  std::vector<int64_t> offsets(static_cast<size_t>(ShapeProduct(batch)));
  for (size_t i = 0; i < offsets.size(); ++i) {
    auto rest = static_cast<int64_t>(i);
    for (size_t d = batch.size(); d-- > 0;) {
      offsets[i] += rest % batch[d] * strides[d] * matrix;
      rest /= batch[d];
    }
  }
  return offsets;
}

// The strides with which the bias broadcasts to m x n.
Status SetBias(const CompileContext& context, int64_t m, int64_t n, kernels::GemmArgs& args) {
  Shape bias = context.InputShape(kBias);
  if (bias.size() > 2) return InvalidArgument("input 2 has more than two dimensions");
  bias.insert(bias.begin(), 2 - bias.size(), 1);
  if ((bias[0] != 1 && bias[0] != m) || (bias[1] != 1 && bias[1] != n)) {
    return InvalidArgument("input 2 " + ShapeToString(bias) + " does not broadcast to the product");
  }
  args.bias_row_stride = bias[0] == 1 ? 0 : bias[1];
  args.bias_column_stride = bias[1] == 1 ? 0 : 1;
  return OkStatus();
}

Result<CompiledPtr> CompilePacked(const CompileContext& context, const MatrixProduct& product) {
  kernels::GemmArgs args;
  args.m = product.trans_a ? product.m()
                           : ShapeProduct(std::span(product.a).first(product.a.size() - 1));
  args.lda = product.a.back();
  args.a_transposed = product.trans_a;
  args.ldc = product.n();
  args.clamp = product.clamp;
  if (product.has_bias) WNN_RETURN_IF_ERROR(SetBias(context, args.m, product.n(), args));
  const auto make = [&]() -> Result<std::unique_ptr<const PackedB>> {
    WNN_ASSIGN_OR_RETURN(
        kernels::PackedMatrix matrix,
        kernels::PackedMatrix::Create(FloatsOf(context.InputConstant(kB)), product.k(), product.n(),
                                      product.trans_b, product.alpha, context.stop()));
    return std::unique_ptr<const PackedB>(std::make_unique<PackedB>(std::move(matrix)));
  };
  // The shape too: the same numbers may be read as another matrix.
  const PackKey key =
      PackKey("product").Add(product.trans_b, product.alpha, product.k(), product.n());
  WNN_ASSIGN_OR_RETURN(std::shared_ptr<const PackedB> b,
                       context.PackObject<PackedB>(kB, key.key(), make));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch,
                       kernels::GemmScratchBytes(args.m, product.n(), product.k(), 1));
  return CompiledPtr(std::make_unique<PackedProductOp>(std::move(b), args));
}

}  // namespace

Shape MatrixProduct::Out() const {
  const Shape &longer = a.size() >= b.size() ? a : b, &shorter = a.size() >= b.size() ? b : a;
  Shape out = Batch(longer);
  for (size_t i = 0; i + 2 < shorter.size(); ++i) {
    int64_t& extent = out[longer.size() - shorter.size() + i];
    if (extent == 1) extent = shorter[i];
  }
  out.push_back(m());
  out.push_back(n());
  return out;
}

bool HasPackedMatrix(const CompileContext& context) {
  return context.InputConstant(kB) != nullptr && context.Input(kB).rank() <= 2;
}

Result<CompiledPtr> CompileMatrixProduct(const CompileContext& context,
                                         const MatrixProduct& product) {
  const Shape out = product.Out();
  if (IsEmpty(out)) return CompiledPtr(std::make_unique<EmptyOp>());
  // A transposed A of several matrices is no one matrix.
  if (HasPackedMatrix(context) && (!product.trans_a || product.a.size() == 2)) {
    return CompilePacked(context, product);
  }
  kernels::MatMulArgs args;
  args.m = product.m();
  args.n = product.n();
  args.k = product.k();
  args.a_transposed = product.trans_a;
  args.b_transposed = product.trans_b;
  args.alpha = product.alpha;
  std::vector<int64_t> a_offsets = {0}, b_offsets = {0};
  if (ShapeProduct(Batch(product.b)) == 1 && !product.trans_a) {
    // One B for all: the matrices of A are rows of one.
    args.m = ShapeProduct(std::span(product.a).first(product.a.size() - 1));
  } else {
    a_offsets = MatrixOffsets(product.a, Batch(out));
    b_offsets = MatrixOffsets(product.b, Batch(out));
  }
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch,
                       kernels::MatMulScratchBytes(args.m, args.n, args.k, 1));
  return CompiledPtr(
      std::make_unique<ComputedProductOp>(args, std::move(a_offsets), std::move(b_offsets)));
}

}  // namespace wnn::ops
