// The geometry of sliding windows, for convolution and pooling of one to three spatial dimensions.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/kernels/range.h"

namespace wnn::kernels {

inline constexpr size_t kMaxSpatialRank = 3;

// Spatial dimensions in the order depth, height, width; missing ones are 1 with stride 1.
struct Window {
  std::array<int64_t, kMaxSpatialRank> in{1, 1, 1};
  std::array<int64_t, kMaxSpatialRank> out{1, 1, 1};
  std::array<int64_t, kMaxSpatialRank> kernel{1, 1, 1};
  std::array<int64_t, kMaxSpatialRank> stride{1, 1, 1};
  std::array<int64_t, kMaxSpatialRank> dilation{1, 1, 1};
  std::array<int64_t, kMaxSpatialRank> pad_begin{0, 0, 0};
  std::array<int64_t, kMaxSpatialRank> pad_end{0, 0, 0};

  int64_t in_size() const { return in[0] * in[1] * in[2]; }
  int64_t out_size() const { return out[0] * out[1] * out[2]; }
  int64_t n_taps() const { return kernel[0] * kernel[1] * kernel[2]; }
};

// The taps of a window, along dimension d, that fall inside the input at output position `out`.
inline Range TapsInside(const Window& w, size_t d, int64_t out) {
  const int64_t start = out * w.stride[d] - w.pad_begin[d];
  const int64_t dilation = w.dilation[d];
  Range taps{0, w.kernel[d]};
  if (start < 0) taps.begin = std::min(w.kernel[d], (-start + dilation - 1) / dilation);
  if (start + (w.kernel[d] - 1) * dilation >= w.in[d]) {
    const int64_t room = w.in[d] - start;
    taps.end = room <= 0 ? 0 : (room + dilation - 1) / dilation;
  }
  taps.end = std::max(taps.begin, taps.end);
  return taps;
}

// The output positions, along dimension d, at which tap `tap` falls inside the input.
inline Range OutputsInside(const Window& w, size_t d, int64_t tap) {
  const int64_t offset = tap * w.dilation[d] - w.pad_begin[d];  // input position of output 0
  const int64_t stride = w.stride[d];
  Range outs{0, w.out[d]};
  if (offset < 0) outs.begin = std::min(w.out[d], (-offset + stride - 1) / stride);
  const int64_t room = w.in[d] - offset;
  outs.end = room <= 0 ? 0 : std::min(w.out[d], (room + stride - 1) / stride);
  outs.end = std::max(outs.begin, outs.end);
  return outs;
}

}  // namespace wnn::kernels
