// Channel shuffle on blocked feature maps: the channels seen as a matrix of `groups` rows,
// transposed.
#pragma once

#include <cstdint>

#include "engine/base/parallel.h"
#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

struct ShuffleParams {
  int64_t batch = 1;
  int64_t channels = 0;
  int64_t n_pixels = 0;
  int64_t groups = 1;  // divides channels
};

// The channel of the input that becomes channel `out`.
constexpr int64_t ShuffleSource(const ShuffleParams& params, int64_t out) {
  return out % params.groups * (params.channels / params.groups) + out / params.groups;
}

// `in` and `out` do not overlap. Lanes past the last channel become copies of such a lane.
void ShuffleChannels(const ShuffleParams& params, const BlockedIn& in, const BlockedOut& out,
                     Parallel& parallel);

}  // namespace wnn::kernels
