// Conversion between NCHW and the blocked layout, at the borders of the blocked part of a graph.
#pragma once

#include <cstdint>

#include "engine/base/parallel.h"
#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

// Lanes past `channels` become zero. `in` has any alignment and images channels * n_pixels apart.
void ToBlocked(const float* in, int64_t batch, int64_t channels, int64_t n_pixels,
               const BlockedOut& out, Parallel& parallel);

// Drops the lanes past `channels`.
void FromBlocked(const BlockedIn& in, int64_t batch, int64_t channels, int64_t n_pixels, float* out,
                 Parallel& parallel);

}  // namespace wnn::kernels
