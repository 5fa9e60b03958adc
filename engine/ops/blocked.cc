#include "engine/ops/blocked.h"

#include "engine/ops/shape_math.h"

namespace wnn::ops {

Fact BlockedFact(const Dim& batch, int64_t channels, const Dim& height, const Dim& width) {
  return Fact::Ranked(DType::kFloat, {batch, graph::KnownDim(kernels::BlockCount(channels)), height,
                                      width, graph::KnownDim(kernels::kBlock)});
}

bool IsBlocked(const Fact& fact, int64_t channels) {
  return fact.dtype == DType::kFloat && fact.has_rank && fact.rank() == kBlockedRank &&
         fact.dims[1].value == kernels::BlockCount(channels) &&
         fact.dims[4].value == kernels::kBlock;
}

bool IsBlockedMap(const Fact& fact) {
  return fact.dtype == DType::kFloat && fact.has_rank && fact.rank() == kBlockedRank &&
         IsKnown(fact.dims[1]) && fact.dims[4].value == kernels::kBlock;
}

Status RequireBlocked(const OpContext& context, size_t i) {
  const Fact& x = context.Input(i);
  if (IsBlockedMap(x)) return OkStatus();
  return InvalidArgument("input " + std::to_string(i) + " is " + x.ToString() +
                         ", not a blocked feature map");
}

Result<kernels::Clamp> ReadClamp(const OpContext& context) {
  kernels::Clamp clamp;
  WNN_ASSIGN_OR_RETURN(clamp.min, context.attributes().Float(kClampMin, clamp.min));
  WNN_ASSIGN_OR_RETURN(clamp.max, context.attributes().Float(kClampMax, clamp.max));
  return clamp;
}

int64_t ImageFloats(const Shape& shape) { return ShapeProduct(std::span(shape).subspan(1)); }

}  // namespace wnn::ops
