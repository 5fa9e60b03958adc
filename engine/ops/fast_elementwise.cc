// wnn.Unary and wnn.Binary: elementwise operators in single precision on the vector kernels.
//
// wnn.Unary: attribute `kind` (a kernels::UnaryOp), alpha, beta, clamp_min and clamp_max.
// wnn.Binary: of two tensors of the same shape; attribute `kind` (a kernels::BinaryOp), clamp_min
// and clamp_max bound the result.
#include <array>

#include "engine/ops/blocked.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/vector_unary.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

Result<int64_t> ReadKind(const OpContext& context, int64_t last) {
  WNN_ASSIGN_OR_RETURN(int64_t kind, context.attributes().RequiredInt("kind"));
  if (kind >= 0 && kind <= last) return kind;
  return InvalidArgument("there is no kind " + std::to_string(kind));
}

Status RequireFloat(const OpContext& context, size_t i) {
  return context.RequireType(i, {DType::kFloat});
}

Status InferUnary(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireFloat(context, 0));
  return InferSame(context);
}

class UnaryOp final : public CompiledOp {
 public:
  UnaryOp(const kernels::UnaryParams& params, int64_t n) : params_(params), n_(n) {}
  Status Run(const RunArgs& args) const override {
    kernels::Unary(params_, args.in<float>(0), n_, args.out<float>(0), *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::UnaryParams params_;
  const int64_t n_;
};

Result<CompiledPtr> CompileUnary(const CompileContext& context) {
  kernels::UnaryParams params;
  WNN_ASSIGN_OR_RETURN(int64_t kind,
                       ReadKind(context, static_cast<int64_t>(kernels::UnaryOp::kSwish)));
  params.op = static_cast<kernels::UnaryOp>(kind);
  WNN_ASSIGN_OR_RETURN(params.alpha, context.attributes().Float("alpha", 0.0f));
  WNN_ASSIGN_OR_RETURN(params.beta, context.attributes().Float("beta", 0.0f));
  WNN_ASSIGN_OR_RETURN(params.clamp, ReadClamp(context));
  return MakeVectorUnary(params, ShapeProduct(context.InputShape(0)));
}

Status InferBinary(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireFloat(context, 0));
  WNN_RETURN_IF_ERROR(RequireFloat(context, 1));
  return InferSame(context);
}

class BinaryOp final : public CompiledOp {
 public:
  BinaryOp(kernels::BinaryOp op, const kernels::Clamp& clamp, int64_t n)
      : op_(op), clamp_(clamp), n_(n) {}
  Status Run(const RunArgs& args) const override {
    kernels::Binary(op_, args.in<float>(0), args.in<float>(1), n_, clamp_, args.out<float>(0),
                    *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::BinaryOp op_;
  const kernels::Clamp clamp_;
  const int64_t n_;
};

Result<CompiledPtr> CompileBinary(const CompileContext& context) {
  const Shape a = context.InputShape(0), b = context.InputShape(1);
  if (a != b) {
    return InvalidArgument("inputs " + ShapeToString(a) + " and " + ShapeToString(b) + " differ");
  }
  WNN_ASSIGN_OR_RETURN(int64_t kind,
                       ReadKind(context, static_cast<int64_t>(kernels::BinaryOp::kMul)));
  WNN_ASSIGN_OR_RETURN(kernels::Clamp clamp, ReadClamp(context));
  return CompiledPtr(
      std::make_unique<BinaryOp>(static_cast<kernels::BinaryOp>(kind), clamp, ShapeProduct(a)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain,
     .name = "Unary",
     .infer = InferUnary,
     .compile = CompileUnary,
     .inplace_inputs = 1},
    {.domain = kOwnDomain,
     .name = "Binary",
     .inputs = {2, 2},
     .infer = InferBinary,
     .compile = CompileBinary,
     .inplace_inputs = 0b11},
});

}  // namespace

std::unique_ptr<const CompiledOp> MakeVectorUnary(const kernels::UnaryParams& params, int64_t n) {
  return std::make_unique<UnaryOp>(params, n);
}

std::span<const OpDef> FastElementwiseOps() { return kOps; }

}  // namespace wnn::ops
