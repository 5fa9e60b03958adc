// What Resize and Upsample, in all their versions, say of each axis.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "engine/kernels/reference/resample.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

enum class ResizeMode { kNearest, kLinear, kCubic };

struct ResizeSpec {
  enum class Coordinates {
    kHalfPixel,
    kHalfPixelSymmetric,
    kPytorchHalfPixel,
    kAlignCorners,
    kAsymmetric,
    kTfHalfPixelForNn,
    kTfCropAndResize,
  };
  enum class Nearest { kRoundPreferFloor, kRoundPreferCeil, kFloor, kCeil };
  enum class AspectRatio { kStretch, kNotLarger, kNotSmaller };

  // Input positions: -1 where the version has none.
  int roi_input = -1, scales_input = -1, sizes_input = -1;
  ResizeMode mode = ResizeMode::kNearest;
  Coordinates coordinates = Coordinates::kHalfPixel;
  Nearest nearest = Nearest::kRoundPreferFloor;
  AspectRatio aspect_ratio = AspectRatio::kStretch;
  bool antialias = false;
  bool exclude_outside = false;
  double cubic_a = -0.75;
  double extrapolation = 0;
  std::vector<double> scales;  // of the versions that have them as attributes
  std::vector<size_t> axes;    // those that roi, scales and sizes speak of, in their order
};

// One axis of the output.
struct ResizedAxis {
  int64_t in = 0;
  int64_t out = 0;
  double scale = 1;
  double roi_begin = 0, roi_end = 1;

  bool IsSame(const ResizeSpec& spec) const {
    return in == out && scale == 1 &&
           (spec.coordinates != ResizeSpec::Coordinates::kTfCropAndResize ||
            (roi_begin == 0 && roi_end == 1));
  }
};

// The attributes for an input of that rank. kInvalidArgument for bad ones.
Result<ResizeSpec> ReadResizeSpec(const OpContext& context, size_t rank);

// Every axis of the output; nothing while a value or a dimension is not known. Only for a spec that
// ReadResizeSpec gave for the same node.
Result<std::optional<std::vector<ResizedAxis>>> ResizeAxes(const OpContext& context,
                                                           const ResizeSpec& spec);

// The positions and weights of one axis; one tap for kNearest. kTooLarge when they are too many.
// REQUIRES: axis.in > 0
Result<kernels::AxisTaps> MakeAxisTaps(const ResizeSpec& spec, const ResizedAxis& axis);

}  // namespace wnn::ops
