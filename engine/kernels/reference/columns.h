// Sums of overlapping windows: the transpose of reading an image window by window (col2im).
#pragma once

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/window.h"

namespace wnn::kernels {

// `w` says how windows lie in one plane: w.in are the plane's extents, w.out the positions. Adds
// columns[tap][position] to the plane's element that the tap of the window at that position covers.
// Ends early once `parallel` is stopped.
template <typename T>
void AddColumns(const Window& w, const T* columns, T* plane, Parallel& parallel) {
  StopCheck check(parallel);
  for (int64_t kd = 0; kd < w.kernel[0]; ++kd) {
    const Range depth = OutputsInside(w, 0, kd);
    for (int64_t kh = 0; kh < w.kernel[1]; ++kh) {
      const Range height = OutputsInside(w, 1, kh);
      for (int64_t kw = 0; kw < w.kernel[2]; ++kw, columns += w.out_size()) {
        if (check.Stopped(w.out_size())) return;
        const Range width = OutputsInside(w, 2, kw);
        for (int64_t od = depth.begin; od < depth.end; ++od) {
          const int64_t d = od * w.stride[0] - w.pad_begin[0] + kd * w.dilation[0];
          for (int64_t oh = height.begin; oh < height.end; ++oh) {
            const int64_t h = oh * w.stride[1] - w.pad_begin[1] + kh * w.dilation[1];
            const T* from = columns + (od * w.out[1] + oh) * w.out[2];
            const int64_t offset = kw * w.dilation[2] - w.pad_begin[2];
            T* to = plane + (d * w.in[1] + h) * w.in[2];
            for (int64_t ow = width.begin; ow < width.end; ++ow) {
              T& sum = to[ow * w.stride[2] + offset];
              sum = static_cast<T>(sum + from[ow]);
            }
          }
        }
      }
    }
  }
}

}  // namespace wnn::kernels
