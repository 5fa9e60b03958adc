// wnn.ScaleShift and wnn.LRN: normalisation of blocked feature maps.
//
// wnn.ScaleShift: clamp(x * scale + shift) by channel. Inputs: x, scale and shift, each a float for
// every lane of every block, [ceil(C/16), 1, 1, 16], or as a scale [N, ceil(C/16), 1, 1, 16] with
// one for each image (squeeze and excite). Scale or shift may be left out. wnn.LRN: ONNX's, with
// its attributes and `channels`.
#include <array>

#include "engine/kernels/blocked/elementwise.h"
#include "engine/kernels/lrn.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kX = 0, kScale = 1, kShift = 2;

// Whether the fact is that of one number a lane, for all images or for each.
bool IsPerLane(const Fact& fact, const Fact& x, bool for_each_image) {
  if (fact.dtype != DType::kFloat || !fact.has_rank) return false;
  const size_t first = for_each_image ? 1 : 0;
  return fact.rank() == first + 4 && fact.dims[first].value == x.dims[1].value &&
         fact.dims[first + 1].value == 1 && fact.dims[first + 2].value == 1 &&
         fact.dims[first + 3].value == kernels::kBlock;
}

Status InferScaleShift(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireBlocked(context, kX));
  for (size_t i : {kScale, kShift}) {
    if (!context.HasInput(i)) continue;
    const Fact& fact = context.Input(i);
    if (IsPerLane(fact, context.Input(kX), false)) continue;
    if (i == kScale && IsPerLane(fact, context.Input(kX), true)) continue;
    return InvalidArgument("input " + std::to_string(i) + " is " + fact.ToString() +
                           ", not one number a channel");
  }
  return InferSame(context);
}

class ScaleShiftOp final : public CompiledOp {
 public:
  explicit ScaleShiftOp(const kernels::ScaleShiftParams& params) : params_(params) {}
  Status Run(const RunArgs& args) const override {
    kernels::ScaleShiftParams params = params_;
    params.scale = args.in<float>(kScale);
    params.shift = args.in<float>(kShift);
    const int64_t image = kernels::BlockedSize(params.channels, params.n_pixels, 1);
    kernels::ScaleShift(params, {args.in<float>(kX), image}, {args.out<float>(0), image},
                        *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::ScaleShiftParams params_;
};

Result<CompiledPtr> CompileScaleShift(const CompileContext& context) {
  const Shape x = context.InputShape(kX);
  if (IsEmpty(x)) return CompiledPtr(std::make_unique<EmptyOp>());
  kernels::ScaleShiftParams params;
  params.batch = x[0];
  params.channels = x[1] * kernels::kBlock;
  params.n_pixels = x[2] * x[3];
  if (context.HasInput(kScale) && context.InputShape(kScale).size() == kBlockedRank) {
    if (context.InputShape(kScale)[0] != x[0]) {
      return InvalidArgument("the scale has another batch than the map");
    }
    params.scale_batch_stride = params.channels;
  }
  WNN_ASSIGN_OR_RETURN(params.clamp, ReadClamp(context));
  return CompiledPtr(std::make_unique<ScaleShiftOp>(params));
}

Status InferLrn(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireBlocked(context, 0));
  return InferSame(context);
}

class LrnOp final : public CompiledOp {
 public:
  explicit LrnOp(const kernels::LrnParams& params) : params_(params) {}
  uint64_t ScratchBytes(int n_threads) const override {
    return static_cast<uint64_t>(kernels::LrnThreadFloats(params_) * n_threads) * sizeof(float);
  }
  Status Run(const RunArgs& args) const override {
    const int64_t image = kernels::BlockedSize(params_.channels, params_.n_pixels, 1);
    kernels::Lrn(params_, {args.in<float>(0), image}, {args.out<float>(0), image},
                 reinterpret_cast<float*>(args.scratch), *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::LrnParams params_;
};

Result<CompiledPtr> CompileLrn(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  if (IsEmpty(x)) return CompiledPtr(std::make_unique<EmptyOp>());
  kernels::LrnParams params;
  params.batch = x[0];
  params.n_pixels = x[2] * x[3];
  WNN_ASSIGN_OR_RETURN(params.channels, context.attributes().RequiredInt("channels"));
  WNN_ASSIGN_OR_RETURN(params.size, context.attributes().RequiredInt("size"));
  WNN_ASSIGN_OR_RETURN(params.alpha, context.attributes().Float("alpha", params.alpha));
  WNN_ASSIGN_OR_RETURN(params.beta, context.attributes().Float("beta", params.beta));
  WNN_ASSIGN_OR_RETURN(params.bias, context.attributes().Float("bias", params.bias));
  if (!IsBlocked(context.Input(0), params.channels) || params.size < 1) {
    return InvalidArgument("its channels or its size do not fit its input");
  }
  // A window wider than the map sums no more than the map: what is outside counts as zero, but
  // `size` still divides.
  if (params.size > 2 * params.channels) return Unsupported("its window is wider than the map");
  return CompiledPtr(std::make_unique<LrnOp>(params));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain,
     .name = "ScaleShift",
     .inputs = {2, 3},
     .infer = InferScaleShift,
     .compile = CompileScaleShift,
     .inplace_inputs = 1u << kX},
    {.domain = kOwnDomain,
     .name = "LRN",
     .infer = InferLrn,
     .compile = CompileLrn,
     .inplace_inputs = 1},
});

}  // namespace

std::span<const OpDef> BlockedNormOps() { return kOps; }

}  // namespace wnn::ops
