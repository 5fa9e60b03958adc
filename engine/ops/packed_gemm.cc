// wnn.Gemm and wnn.MatMul: matrix products on the packed kernels.
//
// wnn.Gemm: clamp(alpha * op(A) * op(B) + C) with a constant B. Attributes alpha, transA and transB
// as ONNX's Gemm, and clamp_min, clamp_max. Without transA, A may have any rank from 2: its leading
// dimensions count rows, as in ONNX's MatMul.
// wnn.MatMul: ONNX's MatMul of two computed tensors of rank 2 or more.
#include <array>

#include "engine/kernels/blocked/gemm.h"
#include "engine/kernels/reference/loop_nest.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kA = 0, kB = 1, kC = 2;

struct GemmNode {
  bool trans_a = false, trans_b = false;
  float alpha = 1;
  int64_t k = 0, n = 0;

  static Result<GemmNode> Read(const OpContext& context);
};

Result<GemmNode> GemmNode::Read(const OpContext& context) {
  const Fact& b = context.Input(kB);
  if (b.dtype != DType::kFloat || !b.IsConcrete() || b.rank() != 2) {
    return InvalidArgument("input 1 is " + b.ToString() + ", not a constant matrix");
  }
  GemmNode node;
  WNN_ASSIGN_OR_RETURN(int64_t trans_a, context.attributes().Int("transA", 0));
  WNN_ASSIGN_OR_RETURN(int64_t trans_b, context.attributes().Int("transB", 0));
  WNN_ASSIGN_OR_RETURN(node.alpha, context.attributes().Float("alpha", 1.0f));
  node.trans_a = trans_a != 0;
  node.trans_b = trans_b != 0;
  node.k = b.dims[node.trans_b ? 1 : 0].value;
  node.n = b.dims[node.trans_b ? 0 : 1].value;
  return node;
}

Status InferGemm(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(GemmNode node, GemmNode::Read(context));
  const Fact& a = context.Input(kA);
  if (a.dtype != DType::kFloat || !a.has_rank || a.rank() < 2 || (node.trans_a && a.rank() != 2)) {
    return InvalidArgument("input 0 is " + a.ToString() + ", not a float matrix");
  }
  const Dim& k = node.trans_a ? a.dims.front() : a.dims.back();
  if (IsKnown(k) && k.value != node.k) {
    return InvalidArgument("inputs " + a.ToString() + " and " + context.Input(kB).ToString() +
                           " do not multiply");
  }
  std::vector<Dim> dims = a.dims;
  if (node.trans_a) dims[0] = a.dims[1];
  dims.back() = graph::KnownDim(node.n);
  context.SetOutput(0, Fact::Ranked(DType::kFloat, std::move(dims)));
  return OkStatus();
}

struct PackedB {
  kernels::PackedMatrix matrix;
  size_t packed_bytes() const { return matrix.size_bytes(); }
};

uint64_t BytesOrTooMany(const Result<size_t>& bytes) { return bytes ? *bytes : UINT64_MAX; }

class GemmOp final : public CompiledOp {
 public:
  GemmOp(std::shared_ptr<const PackedB> b, const kernels::GemmArgs& args)
      : b_(std::move(b)), args_(args) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return BytesOrTooMany(
        kernels::GemmScratchBytes(args_.m, b_->matrix.n(), b_->matrix.k(), n_threads));
  }

  Status Run(const RunArgs& run) const override {
    kernels::GemmArgs args = args_;
    args.a = run.in<float>(kA);
    args.bias = run.in<float>(kC);
    args.c = run.out<float>(0);
    const size_t bytes = static_cast<size_t>(ScratchBytes(run.parallel->n_threads()));
    kernels::Gemm(args, b_->matrix, {run.scratch, bytes}, *run.parallel);
    return OkStatus();
  }

 private:
  const std::shared_ptr<const PackedB> b_;
  const kernels::GemmArgs args_;
};

// The strides with which C broadcasts to m x n.
Status SetBias(const CompileContext& context, int64_t m, int64_t n, kernels::GemmArgs& args) {
  if (!context.HasInput(kC)) return OkStatus();
  Shape c = context.InputShape(kC);
  if (c.size() > 2) return InvalidArgument("input 2 has more than two dimensions");
  c.insert(c.begin(), 2 - c.size(), 1);
  if ((c[0] != 1 && c[0] != m) || (c[1] != 1 && c[1] != n)) {
    return InvalidArgument("input 2 " + ShapeToString(c) + " does not broadcast to the product");
  }
  args.bias_row_stride = c[0] == 1 ? 0 : c[1];
  args.bias_column_stride = c[1] == 1 ? 0 : 1;
  return OkStatus();
}

Result<CompiledPtr> CompileGemm(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(GemmNode node, GemmNode::Read(context));
  const Shape a = context.InputShape(kA), out = context.OutputShape(0);
  if (!context.InputConstant(kB)) return InvalidArgument("input 1 must be a constant");
  if (IsEmpty(out)) return CompiledPtr(std::make_unique<EmptyOp>());
  kernels::GemmArgs args;
  args.m = node.trans_a ? a[1] : ShapeProduct(std::span(a).first(a.size() - 1));
  args.lda = a.back();
  args.a_transposed = node.trans_a;
  args.ldc = node.n;
  WNN_ASSIGN_OR_RETURN(args.clamp, ReadClamp(context));
  WNN_RETURN_IF_ERROR(SetBias(context, args.m, node.n, args));
  auto make = [&]() -> Result<std::unique_ptr<const PackedB>> {
    WNN_ASSIGN_OR_RETURN(kernels::PackedMatrix matrix,
                         kernels::PackedMatrix::Create(FloatsOf(context.InputConstant(kB)), node.k,
                                                       node.n, node.trans_b, node.alpha));
    return std::unique_ptr<const PackedB>(std::make_unique<PackedB>(std::move(matrix)));
  };
  const PackKey key = PackKey("wnn.Gemm").Add(node.trans_b, node.alpha);
  WNN_ASSIGN_OR_RETURN(std::shared_ptr<const PackedB> b,
                       context.PackObject<PackedB>(kB, key.key(), make));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch,
                       kernels::GemmScratchBytes(args.m, node.n, node.k, 1));
  return CompiledPtr(std::make_unique<GemmOp>(std::move(b), args));
}

Status InferMatMul(InferContext& context) {
  const Fact &a = context.Input(kA), &b = context.Input(kB);
  for (const Fact* fact : {&a, &b}) {
    if (fact->dtype == DType::kFloat && fact->has_rank && fact->rank() >= 2) continue;
    return InvalidArgument("input " + fact->ToString() + " is not a float matrix");
  }
  const Dim &k = a.dims.back(), &b_k = b.dims[b.rank() - 2];
  if (IsKnown(k) && IsKnown(b_k) && k.value != b_k.value) {
    return InvalidArgument("inputs " + a.ToString() + " and " + b.ToString() + " do not multiply");
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, BroadcastDims(std::span(a.dims).first(a.rank() - 2),
                                                            std::span(b.dims).first(b.rank() - 2)));
  dims.push_back(a.dims[a.rank() - 2]);
  dims.push_back(b.dims.back());
  context.SetOutput(0, Fact::Ranked(DType::kFloat, std::move(dims)));
  return OkStatus();
}

class MatMulOp final : public CompiledOp {
 public:
  MatMulOp(kernels::MatMulArgs args, std::vector<int64_t> a_offsets, std::vector<int64_t> b_offsets)
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
    const size_t bytes = static_cast<size_t>(ScratchBytes(run.parallel->n_threads()));
    kernels::MatMul(args, {run.scratch, bytes}, *run.parallel);
    return OkStatus();
  }

 private:
  const kernels::MatMulArgs args_;
  const std::vector<int64_t> a_offsets_;
  const std::vector<int64_t> b_offsets_;
};

// Where the matrices of an operand lie for every matrix of the output.
std::vector<int64_t> MatrixOffsets(const Shape& operand, const Shape& out) {
  const Shape batch(out.begin(), out.end() - 2), own(operand.begin(), operand.end() - 2);
  const int64_t matrix = operand[operand.size() - 1] * operand[operand.size() - 2];
  const std::vector<int64_t> strides = kernels::BroadcastStrides(own, batch);
  std::vector<int64_t> offsets(static_cast<size_t>(ShapeProduct(batch)));
  for (size_t i = 0; i < offsets.size(); ++i) {
    int64_t rest = static_cast<int64_t>(i);
    for (size_t d = batch.size(); d-- > 0;) {
      offsets[i] += rest % batch[d] * strides[d] * matrix;
      rest /= batch[d];
    }
  }
  return offsets;
}

Result<CompiledPtr> CompileMatMul(const CompileContext& context) {
  const Shape a = context.InputShape(kA), b = context.InputShape(kB), out = context.OutputShape(0);
  if (IsEmpty(out)) return CompiledPtr(std::make_unique<EmptyOp>());
  kernels::MatMulArgs args;
  args.m = a[a.size() - 2];
  args.k = a.back();
  args.n = b.back();
  std::vector<int64_t> a_offsets, b_offsets;
  if (ShapeProduct(std::span(b).first(b.size() - 2)) == 1) {
    // One B for all: the matrices of A are rows of one.
    args.m = ShapeProduct(std::span(a).first(a.size() - 1));
    a_offsets = b_offsets = {0};
  } else {
    a_offsets = MatrixOffsets(a, out);
    b_offsets = MatrixOffsets(b, out);
  }
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch,
                       kernels::MatMulScratchBytes(args.m, args.n, args.k, 1));
  return CompiledPtr(std::make_unique<MatMulOp>(args, std::move(a_offsets), std::move(b_offsets)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain,
     .name = "Gemm",
     .inputs = {2, 3},
     .infer = InferGemm,
     .compile = CompileGemm},
    {.domain = kOwnDomain,
     .name = "MatMul",
     .inputs = {2, 2},
     .infer = InferMatMul,
     .compile = CompileMatMul},
});

}  // namespace

std::span<const OpDef> PackedGemmOps() { return kOps; }

}  // namespace wnn::ops
