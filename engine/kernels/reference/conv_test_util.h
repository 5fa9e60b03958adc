// What the tests of convolutions share: geometries by numbers.
#pragma once

#include <array>
#include <cstdint>

#include "engine/kernels/reference/conv.h"

namespace wnn::kernels {

// Depth, height, width.
using Extents3 = std::array<int64_t, kMaxSpatialRank>;

// The extents of the output follow from the rest.
inline ConvGeometry Geometry(int64_t batch, int64_t in_channels, int64_t out_channels,
                             int64_t groups, Extents3 in, Extents3 kernel, Extents3 stride,
                             Extents3 dilation, Extents3 pad_begin, Extents3 pad_end) {
  ConvGeometry g{batch, in_channels, out_channels, groups, {}};
  g.window = {.in = in,
              .kernel = kernel,
              .stride = stride,
              .dilation = dilation,
              .pad_begin = pad_begin,
              .pad_end = pad_end};
  for (size_t d = 0; d < kMaxSpatialRank; ++d) {
    const int64_t reach = (kernel[d] - 1) * dilation[d] + 1;
    g.window.out[d] = (in[d] + pad_begin[d] + pad_end[d] - reach) / stride[d] + 1;
  }
  return g;
}

// The same padding at both ends.
inline ConvGeometry Geometry(int64_t batch, int64_t in_channels, int64_t out_channels,
                             int64_t groups, Extents3 in, Extents3 kernel, Extents3 stride,
                             Extents3 dilation, Extents3 pads) {
  return Geometry(batch, in_channels, out_channels, groups, in, kernel, stride, dilation, pads,
                  pads);
}

}  // namespace wnn::kernels
