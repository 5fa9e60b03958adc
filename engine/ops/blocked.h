// What the optimiser's own operators (domain 'wnn') on blocked feature maps share. A blocked value
// is a float tensor [N, ceil(C/16), H, W, 16]: see kernels/blocked/layout.h. Its number of channels
// C is known to the operators that need it: from weights, or as an attribute.
#pragma once

#include <string_view>
#include <vector>

#include "engine/kernels/blocked/layout.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

inline constexpr std::string_view kClampMin = "clamp_min";
inline constexpr std::string_view kClampMax = "clamp_max";

// The rank of a blocked value.
inline constexpr size_t kBlockedRank = 5;

Fact BlockedFact(const Dim& batch, int64_t channels, const Dim& height, const Dim& width);

// Whether the fact can be that of a blocked value of these channels.
bool IsBlocked(const Fact& fact, int64_t channels);
// The same of any number of channels.
bool IsBlockedMap(const Fact& fact);
// kInvalidArgument unless input i is a blocked value.
Status RequireBlocked(const OpContext& context, size_t i);

// The attributes clamp_min and clamp_max; absent ones do not bound.
Result<kernels::Clamp> ReadClamp(const OpContext& context);

// Floats between the images of a dense tensor.
int64_t ImageFloats(const Shape& shape);

}  // namespace wnn::ops
