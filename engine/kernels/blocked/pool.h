// Pooling on blocked feature maps (layout.h). Stateless, thread-safe, no scratch memory.
#pragma once

#include <cstdint>

#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

enum class PoolKind { kMax, kAverage };

struct PoolParams {
  PoolKind kind = PoolKind::kMax;
  int64_t batch = 1;
  int64_t channels = 0;
  int64_t in_h = 0, in_w = 0;
  int64_t out_h = 0, out_w = 0;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  // Averages only. With count_padding the divisor counts positions inside the padded map, which
  // pad_bottom and pad_right bound (ceil_mode lets windows reach beyond it).
  bool count_padding = false;
  int64_t pad_bottom = 0, pad_right = 0;
};

// The largest kernel_h that Pool does: pointers to its rows live on the stack.
inline constexpr int64_t kMaxPoolRows = 64;
// Wider windows are left to the general kernel: one output would take milliseconds.
inline constexpr int64_t kMaxPoolColumns = 4096;

// kInvalidArgument for sizes that cannot be, kUnsupportedOperation for a kernel taller than
// kMaxPoolRows. To be asked once a shape.
Status CheckPool(const PoolParams& params);

// REQUIRES: CheckPool(params).ok().
void Pool(const PoolParams& params, const BlockedIn& in, const BlockedOut& out, Parallel& parallel);

// The mean of each channel: one pixel an image.
void GlobalAveragePool(int64_t batch, int64_t channels, int64_t n_pixels, const BlockedIn& in,
                       const BlockedOut& out, Parallel& parallel);

}  // namespace wnn::kernels
