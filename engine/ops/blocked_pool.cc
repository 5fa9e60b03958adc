// wnn.MaxPool, wnn.AveragePool and wnn.GlobalAveragePool: pooling on blocked feature maps, with the
// attributes of ONNX's.
#include <array>

#include "engine/kernels/blocked/pool.h"
#include "engine/ops/blocked.h"
#include "engine/ops/families.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

bool IsEmpty(const kernels::PoolParams& p) {
  return p.batch == 0 || p.channels == 0 || p.out_h == 0 || p.out_w == 0;
}

Status InferPool(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireBlocked(context, 0));
  const Fact& x = context.Input(0);
  WNN_ASSIGN_OR_RETURN(WindowAttributes window, ParseWindowAttributes(context, 2, {}));
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> out,
                       WindowOutputDims(window, std::span(x.dims).subspan(2, 2)));
  std::vector<Dim> dims = x.dims;
  dims[2] = out[0];
  dims[3] = out[1];
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

class PoolOp final : public CompiledOp {
 public:
  explicit PoolOp(const kernels::PoolParams& params) : params_(params) {}
  Status Run(const RunArgs& args) const override {
    if (IsEmpty(params_)) return OkStatus();
    const int64_t in = kernels::BlockedSize(params_.channels, params_.in_h, params_.in_w);
    const int64_t out = kernels::BlockedSize(params_.channels, params_.out_h, params_.out_w);
    kernels::Pool(params_, {args.in<float>(0), in}, {args.out<float>(0), out}, *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::PoolParams params_;
};

Result<CompiledPtr> CompilePool(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  WNN_ASSIGN_OR_RETURN(WindowAttributes attributes, ParseWindowAttributes(context, 2, {}));
  WNN_ASSIGN_OR_RETURN(kernels::Window window, MakeWindow(attributes, std::span(x).subspan(2, 2)));
  WNN_ASSIGN_OR_RETURN(int64_t count_padding, context.attributes().Int("count_include_pad", 0));
  kernels::PoolParams params;
  params.kind =
      context.op_type() == "MaxPool" ? kernels::PoolKind::kMax : kernels::PoolKind::kAverage;
  params.batch = x[0];
  params.channels = x[1] * kernels::kBlock;
  params.in_h = window.in[1];
  params.in_w = window.in[2];
  params.out_h = window.out[1];
  params.out_w = window.out[2];
  params.kernel_h = window.kernel[1];
  params.kernel_w = window.kernel[2];
  params.stride_h = window.stride[1];
  params.stride_w = window.stride[2];
  params.dilation_h = window.dilation[1];
  params.dilation_w = window.dilation[2];
  params.pad_top = window.pad_begin[1];
  params.pad_left = window.pad_begin[2];
  params.count_padding = count_padding != 0;
  params.pad_bottom = window.pad_end[1];
  params.pad_right = window.pad_end[2];
  if (!IsEmpty(params)) WNN_RETURN_IF_ERROR(kernels::CheckPool(params));
  return CompiledPtr(std::make_unique<PoolOp>(params));
}

Status InferGlobalAverage(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireBlocked(context, 0));
  std::vector<Dim> dims = context.Input(0).dims;
  dims[2] = dims[3] = graph::KnownDim(1);
  context.SetOutput(0, Fact::Ranked(DType::kFloat, std::move(dims)));
  return OkStatus();
}

class GlobalAverageOp final : public CompiledOp {
 public:
  GlobalAverageOp(int64_t batch, int64_t channels, int64_t n_pixels)
      : batch_(batch), channels_(channels), n_pixels_(n_pixels) {}
  Status Run(const RunArgs& args) const override {
    if (batch_ == 0 || channels_ == 0) return OkStatus();
    kernels::GlobalAveragePool(batch_, channels_, n_pixels_,
                               {args.in<float>(0), channels_ * n_pixels_},
                               {args.out<float>(0), channels_}, *args.parallel);
    return OkStatus();
  }

 private:
  const int64_t batch_;
  const int64_t channels_;  // whole blocks
  const int64_t n_pixels_;
};

Result<CompiledPtr> CompileGlobalAverage(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  if (x[2] * x[3] == 0) return InvalidArgument("the mean of no pixels is undefined");
  return CompiledPtr(std::make_unique<GlobalAverageOp>(x[0], x[1] * kernels::kBlock, x[2] * x[3]));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain, .name = "MaxPool", .infer = InferPool, .compile = CompilePool},
    {.domain = kOwnDomain, .name = "AveragePool", .infer = InferPool, .compile = CompilePool},
    {.domain = kOwnDomain,
     .name = "GlobalAveragePool",
     .infer = InferGlobalAverage,
     .compile = CompileGlobalAverage},
});

}  // namespace

std::span<const OpDef> BlockedPoolOps() { return kOps; }

}  // namespace wnn::ops
