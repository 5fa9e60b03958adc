// Local response normalisation across the channels of blocked feature maps.
#pragma once

#include <cstdint>

#include "engine/base/parallel.h"
#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

// out = in / (bias + alpha / size * s) ^ beta, where s sums the squares of `size` channels around
// the one at hand, those before and behind the map left out.
struct LrnParams {
  int64_t batch = 1;
  int64_t channels = 0;
  int64_t n_pixels = 0;
  int64_t size = 1;
  float alpha = 1e-4f;
  float beta = 0.75f;
  float bias = 1;
};

// Floats of working memory a thread.
int64_t LrnThreadFloats(const LrnParams& params);

// `in` may be `out`. `scratch` is 64-byte aligned and holds LrnThreadFloats() for each thread.
// Results do not depend on the number of threads.
void Lrn(const LrnParams& params, const BlockedIn& in, const BlockedOut& out, float* scratch,
         Parallel& parallel);

}  // namespace wnn::kernels
