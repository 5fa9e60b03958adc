// wnn.ToBlocked and wnn.FromBlocked: the borders between NCHW and blocked feature maps.
#include <array>

#include "engine/kernels/blocked/reorder.h"
#include "engine/ops/blocked.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

struct MapSize {
  int64_t batch = 0;
  int64_t channels = 0;
  int64_t n_pixels = 0;

  bool IsEmpty() const { return batch == 0 || channels == 0 || n_pixels == 0; }
  int64_t blocked_image() const { return kernels::BlockedSize(channels, n_pixels, 1); }
};

class ToBlockedOp final : public CompiledOp {
 public:
  explicit ToBlockedOp(const MapSize& size) : size_(size) {}
  Status Run(const RunArgs& args) const override {
    if (size_.IsEmpty()) return OkStatus();
    kernels::ToBlocked(args.in<float>(0), size_.batch, size_.channels, size_.n_pixels,
                       {args.out<float>(0), size_.blocked_image()}, *args.parallel);
    return OkStatus();
  }

 private:
  const MapSize size_;
};

class FromBlockedOp final : public CompiledOp {
 public:
  explicit FromBlockedOp(const MapSize& size) : size_(size) {}
  Status Run(const RunArgs& args) const override {
    if (size_.IsEmpty()) return OkStatus();
    kernels::FromBlocked({args.in<float>(0), size_.blocked_image()}, size_.batch, size_.channels,
                         size_.n_pixels, args.out<float>(0), *args.parallel);
    return OkStatus();
  }

 private:
  const MapSize size_;
};

Status InferToBlocked(InferContext& context) {
  const Fact& x = context.Input(0);
  if (x.dtype != DType::kFloat || !x.has_rank || x.rank() != 4 || !IsKnown(x.dims[1])) {
    return InvalidArgument("input " + x.ToString() + " is not an NCHW map of known channels");
  }
  context.SetOutput(0, BlockedFact(x.dims[0], x.dims[1].value, x.dims[2], x.dims[3]));
  return OkStatus();
}

Result<CompiledPtr> CompileToBlocked(const CompileContext& context) {
  const Shape x = context.InputShape(0);
  return CompiledPtr(std::make_unique<ToBlockedOp>(MapSize{x[0], x[1], x[2] * x[3]}));
}

// Attribute `channels`: how many the map has.
Status InferFromBlocked(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireBlocked(context, 0));
  const Fact& x = context.Input(0);
  WNN_ASSIGN_OR_RETURN(int64_t channels, context.attributes().RequiredInt("channels"));
  if (channels < 0 || !IsBlocked(x, channels)) {
    return InvalidArgument("input " + x.ToString() + " does not have " + std::to_string(channels) +
                           " channels");
  }
  context.SetOutput(
      0, Fact::Ranked(DType::kFloat, {x.dims[0], graph::KnownDim(channels), x.dims[2], x.dims[3]}));
  return OkStatus();
}

Result<CompiledPtr> CompileFromBlocked(const CompileContext& context) {
  const Shape y = context.OutputShape(0);
  return CompiledPtr(std::make_unique<FromBlockedOp>(MapSize{y[0], y[1], y[2] * y[3]}));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain,
     .name = "ToBlocked",
     .infer = InferToBlocked,
     .compile = CompileToBlocked},
    {.domain = kOwnDomain,
     .name = "FromBlocked",
     .infer = InferFromBlocked,
     .compile = CompileFromBlocked},
});

}  // namespace

std::span<const OpDef> BlockedReorderOps() { return kOps; }

}  // namespace wnn::ops
