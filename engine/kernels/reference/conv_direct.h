// Convolution of any type by plain loops, one output plane at a time. Single precision has conv.h.
#pragma once

#include <algorithm>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/conv.h"

namespace wnn::kernels {

// As ConvReference, without working memory.
template <typename T>
void ConvDirect(const ConvGeometry& s, const T* x, const T* w, const T* bias, T* y,
                Parallel& parallel) {
  const Window& window = s.window;
  const int64_t n_taps = window.n_taps();
  // One input plane's contribution to an output plane, through one kernel.
  auto add_plane = [&](const T* in, const T* taps, T* out, StopCheck& check) {
    for (int64_t tap = 0; tap < n_taps; ++tap) {
      if (check.Stopped(window.out_size())) return;
      const int64_t kd = tap / (window.kernel[1] * window.kernel[2]);
      const int64_t kh = tap / window.kernel[2] % window.kernel[1], kw = tap % window.kernel[2];
      const Range depth = OutputsInside(window, 0, kd), height = OutputsInside(window, 1, kh);
      const Range width = OutputsInside(window, 2, kw);
      for (int64_t od = depth.begin; od < depth.end; ++od) {
        const int64_t d = od * window.stride[0] - window.pad_begin[0] + kd * window.dilation[0];
        for (int64_t oh = height.begin; oh < height.end; ++oh) {
          const int64_t h = oh * window.stride[1] - window.pad_begin[1] + kh * window.dilation[1];
          const T* from = in + (d * window.in[1] + h) * window.in[2];
          T* to = out + (od * window.out[1] + oh) * window.out[2];
          const int64_t offset = kw * window.dilation[2] - window.pad_begin[2];
          for (int64_t ow = width.begin; ow < width.end; ++ow) {
            to[ow] += taps[tap] * from[ow * window.stride[2] + offset];
          }
        }
      }
    }
  };
  parallel.ForEach(static_cast<size_t>(s.batch * s.out_channels), [&](size_t plane, int) {
    const int64_t image = static_cast<int64_t>(plane) / s.out_channels;
    const int64_t channel = static_cast<int64_t>(plane) % s.out_channels;
    const int64_t first = channel / s.group_out() * s.group_in();
    T* out = y + static_cast<int64_t>(plane) * window.out_size();
    StopCheck check(parallel);
    std::fill(out, out + window.out_size(), T{0});
    for (int64_t c = 0; c < s.group_in(); ++c) {
      add_plane(x + (image * s.in_channels + first + c) * window.in_size(),
                w + (channel * s.group_in() + c) * n_taps, out, check);
    }
    for (int64_t i = 0; bias != nullptr && i < window.out_size(); ++i) out[i] += bias[channel];
  });
}

}  // namespace wnn::kernels
