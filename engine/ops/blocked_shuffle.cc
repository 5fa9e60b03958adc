// wnn.ShuffleChannels: the channels of a blocked feature map as a matrix of `groups` rows,
// transposed. Attributes `channels` and `groups`, which divides them.
#include <array>

#include "engine/kernels/blocked/shuffle.h"
#include "engine/ops/blocked.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

Status InferShuffle(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t channels, context.attributes().RequiredInt("channels"));
  WNN_ASSIGN_OR_RETURN(int64_t groups, context.attributes().RequiredInt("groups"));
  if (!IsBlocked(context.Input(0), channels) || groups < 1 || channels % groups != 0) {
    return InvalidArgument("input " + context.Input(0).ToString() + " has not " +
                           std::to_string(channels) + " channels in " + std::to_string(groups) +
                           " groups");
  }
  return InferSame(context);
}

class ShuffleOp final : public CompiledOp {
 public:
  explicit ShuffleOp(const kernels::ShuffleParams& params) : params_(params) {}
  Status Run(const RunArgs& args) const override {
    const int64_t image = kernels::BlockedSize(params_.channels, params_.n_pixels, 1);
    kernels::ShuffleChannels(params_, {args.in<float>(0), image}, {args.out<float>(0), image},
                             *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::ShuffleParams params_;
};

Result<CompiledPtr> CompileShuffle(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  if (IsEmpty(x)) return CompiledPtr(std::make_unique<EmptyOp>());
  kernels::ShuffleParams params{.batch = x[0], .n_pixels = x[2] * x[3]};
  WNN_ASSIGN_OR_RETURN(params.channels, context.attributes().RequiredInt("channels"));
  WNN_ASSIGN_OR_RETURN(params.groups, context.attributes().RequiredInt("groups"));
  return CompiledPtr(std::make_unique<ShuffleOp>(params));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain,
     .name = "ShuffleChannels",
     .infer = InferShuffle,
     .compile = CompileShuffle},
});

}  // namespace

std::span<const OpDef> BlockedShuffleOps() { return kOps; }

}  // namespace wnn::ops
