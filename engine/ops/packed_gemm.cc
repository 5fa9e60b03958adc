// wnn.Gemm and wnn.MatMul: matrix products on the packed kernels.
//
// wnn.Gemm: clamp(alpha * op(A) * op(B) + C) with a constant B. Attributes alpha, transA and transB
// as ONNX's Gemm, and clamp_min, clamp_max. Without transA, A may have any rank from 2: its leading
// dimensions count rows, as in ONNX's MatMul.
// wnn.MatMul: ONNX's MatMul of two computed tensors of rank 2 or more.
#include <array>

#include "engine/ops/blocked.h"
#include "engine/ops/families.h"
#include "engine/ops/matrix_product.h"
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

Result<CompiledPtr> CompileGemm(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(GemmNode node, GemmNode::Read(context));
  if (!context.InputConstant(kB)) return InvalidArgument("input 1 must be a constant");
  MatrixProduct product{
      context.InputShape(kA), context.InputShape(kB), node.trans_a, node.trans_b, node.alpha,
      context.HasInput(kC)};
  WNN_ASSIGN_OR_RETURN(product.clamp, ReadClamp(context));
  return CompileMatrixProduct(context, product);
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

Result<CompiledPtr> CompileMatMul(const CompileContext& context) {
  return CompileMatrixProduct(context, {context.InputShape(kA), context.InputShape(kB)});
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
