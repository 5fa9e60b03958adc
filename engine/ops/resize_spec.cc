#include "engine/ops/resize_spec.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "engine/ops/constant_values.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using Coordinates = ResizeSpec::Coordinates;
using Nearest = ResizeSpec::Nearest;
using AspectRatio = ResizeSpec::AspectRatio;

// The value that an attribute's word stands for.
template <typename T, size_t N>
Result<T> ReadWord(const OpContext& context, std::string_view name, std::string_view otherwise,
                   const std::pair<std::string_view, T> (&words)[N]) {
  WNN_ASSIGN_OR_RETURN(std::string_view word, context.attributes().String(name, otherwise));
  for (const auto& [text, value] : words) {
    if (text == word) return value;
  }
  return InvalidArgument("attribute '" + std::string(name) + "' is " + graph::Quoted(word));
}

Status ReadOldSpec(const OpContext& context, size_t rank, ResizeSpec& spec) {
  spec.coordinates = Coordinates::kAsymmetric;
  spec.nearest = Nearest::kFloor;
  if (context.op_type() == "Resize" || context.opset() >= 9) {
    spec.scales_input = 1;
    return OkStatus();
  }
  if (context.opset() >= 7) {
    WNN_ASSIGN_OR_RETURN(std::span<const float> scales, context.attributes().Floats("scales"));
    spec.scales.assign(scales.begin(), scales.end());
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(float height, context.attributes().Float("height_scale", 0));
  WNN_ASSIGN_OR_RETURN(float width, context.attributes().Float("width_scale", 0));
  if (rank != 4) return InvalidArgument("the input does not have rank 4");
  spec.scales = {1, 1, height, width};
  return OkStatus();
}

Status ReadNewSpec(const OpContext& context, ResizeSpec& spec) {
  spec.roi_input = 1;
  spec.scales_input = 2;
  spec.sizes_input = 3;
  WNN_ASSIGN_OR_RETURN(
      spec.coordinates,
      ReadWord<Coordinates>(context, "coordinate_transformation_mode", "half_pixel",
                            {{"half_pixel", Coordinates::kHalfPixel},
                             {"half_pixel_symmetric", Coordinates::kHalfPixelSymmetric},
                             {"pytorch_half_pixel", Coordinates::kPytorchHalfPixel},
                             {"align_corners", Coordinates::kAlignCorners},
                             {"asymmetric", Coordinates::kAsymmetric},
                             {"tf_half_pixel_for_nn", Coordinates::kTfHalfPixelForNn},
                             {"tf_crop_and_resize", Coordinates::kTfCropAndResize}}));
  WNN_ASSIGN_OR_RETURN(spec.nearest,
                       ReadWord<Nearest>(context, "nearest_mode", "round_prefer_floor",
                                         {{"round_prefer_floor", Nearest::kRoundPreferFloor},
                                          {"round_prefer_ceil", Nearest::kRoundPreferCeil},
                                          {"floor", Nearest::kFloor},
                                          {"ceil", Nearest::kCeil}}));
  WNN_ASSIGN_OR_RETURN(spec.aspect_ratio,
                       ReadWord<AspectRatio>(context, "keep_aspect_ratio_policy", "stretch",
                                             {{"stretch", AspectRatio::kStretch},
                                              {"not_larger", AspectRatio::kNotLarger},
                                              {"not_smaller", AspectRatio::kNotSmaller}}));
  WNN_ASSIGN_OR_RETURN(int64_t antialias, context.attributes().Int("antialias", 0));
  WNN_ASSIGN_OR_RETURN(int64_t exclude, context.attributes().Int("exclude_outside", 0));
  WNN_ASSIGN_OR_RETURN(spec.cubic_a, context.attributes().Float("cubic_coeff_a", -0.75f));
  WNN_ASSIGN_OR_RETURN(spec.extrapolation, context.attributes().Float("extrapolation_value", 0));
  spec.antialias = antialias != 0;
  spec.exclude_outside = exclude != 0;
  return OkStatus();
}

Status CheckCount(std::string_view what, size_t count, size_t expected) {
  if (count == expected) return OkStatus();
  return InvalidArgument(std::string(what) + " has " + std::to_string(count) + " numbers, not " +
                         std::to_string(expected));
}

// The input's values as doubles: nothing if they are not known, none if it is left out or empty.
Result<std::optional<std::vector<double>>> Numbers(const OpContext& context, int input) {
  if (input < 0) return std::optional(std::vector<double>());
  return ConstantNumbers(context, static_cast<size_t>(input));
}

Result<int64_t> Extent(double value) {
  // Not above what graph::CheckSize allows; NaN fails too.
  if (!(value >= 0 && value <= static_cast<double>(graph::kMaxExtent))) {
    return InvalidArgument("a resized extent of " + std::to_string(value) + " is out of bounds");
  }
  return static_cast<int64_t>(value);
}

Status ApplyScales(const ResizeSpec& spec, std::span<const double> scales,
                   std::vector<ResizedAxis>& axes) {
  WNN_RETURN_IF_ERROR(CheckCount("scales", scales.size(), spec.axes.size()));
  for (size_t i = 0; i < scales.size(); ++i) {
    ResizedAxis& axis = axes[spec.axes[i]];
    if (!(scales[i] > 0)) return InvalidArgument("a scale is not greater than 0");
    axis.scale = scales[i];
    double extent = static_cast<double>(axis.in) * axis.scale;
    if (spec.coordinates == Coordinates::kTfCropAndResize) extent *= axis.roi_end - axis.roi_begin;
    WNN_ASSIGN_OR_RETURN(axis.out, Extent(std::floor(extent)));
  }
  return OkStatus();
}

Status ApplySizes(const ResizeSpec& spec, std::span<const double> sizes,
                  std::vector<ResizedAxis>& axes) {
  WNN_RETURN_IF_ERROR(CheckCount("sizes", sizes.size(), spec.axes.size()));
  const bool smallest = spec.aspect_ratio == AspectRatio::kNotLarger;
  double common = smallest ? std::numeric_limits<double>::infinity() : 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    ResizedAxis& axis = axes[spec.axes[i]];
    WNN_ASSIGN_OR_RETURN(axis.out, Extent(sizes[i]));
    if (axis.in == 0) continue;
    axis.scale = sizes[i] / static_cast<double>(axis.in);
    common = smallest ? std::min(common, axis.scale) : std::max(common, axis.scale);
  }
  if (spec.aspect_ratio == AspectRatio::kStretch) return OkStatus();
  for (size_t i : spec.axes) {
    axes[i].scale = common;
    WNN_ASSIGN_OR_RETURN(axes[i].out,
                         Extent(std::floor(common * static_cast<double>(axes[i].in) + 0.5)));
  }
  return OkStatus();
}

// Where in the input output position `i` lies.
double SourcePosition(const ResizeSpec& spec, const ResizedAxis& axis, int64_t i) {
  const double x = static_cast<double>(i), in = static_cast<double>(axis.in);
  // What the scale makes of the input, before it is cut to a whole number.
  const double resized = axis.scale * in;
  switch (spec.coordinates) {
    case Coordinates::kHalfPixel: break;
    case Coordinates::kHalfPixelSymmetric: {
      const double adjustment = static_cast<double>(axis.out) / resized;
      return in / 2 * (1 - adjustment) + (x + 0.5) / axis.scale - 0.5;
    }
    case Coordinates::kPytorchHalfPixel:
      if (resized == 1) return 0;
      break;
    case Coordinates::kAlignCorners: return resized == 1 ? 0 : x * (in - 1) / (resized - 1);
    case Coordinates::kAsymmetric: return x / axis.scale;
    case Coordinates::kTfHalfPixelForNn: return (x + 0.5) / axis.scale;
    case Coordinates::kTfCropAndResize: {
      const double size = axis.roi_end - axis.roi_begin;
      const double begin = axis.roi_begin * (in - 1);
      if (axis.out == 1 || resized == 1) return begin + size * (in - 1) / 2;
      return begin + x * size * (in - 1) / (resized - 1);
    }
  }
  return (x + 0.5) / axis.scale - 0.5;
}

int64_t NearestPosition(Nearest nearest, double x) {
  const double floor = std::floor(x), fraction = x - floor;
  bool up = false;
  switch (nearest) {
    case Nearest::kRoundPreferFloor: up = fraction > 0.5; break;
    case Nearest::kRoundPreferCeil: up = fraction >= 0.5; break;
    case Nearest::kFloor: break;
    case Nearest::kCeil: up = fraction > 0; break;
  }
  return static_cast<int64_t>(floor) + (up ? 1 : 0);
}

// Keys, "Cubic convolution interpolation for digital image processing", 1981, equation (4).
double CubicKernel(double x, double a) {
  x = std::fabs(x);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  return 0;
}

double LinearKernel(double x) { return std::max(0.0, 1 - std::fabs(x)); }

}  // namespace

Result<ResizeSpec> ReadResizeSpec(const OpContext& context, size_t rank) {
  ResizeSpec spec;
  WNN_ASSIGN_OR_RETURN(spec.mode, ReadWord<ResizeMode>(context, "mode", "nearest",
                                                       {{"nearest", ResizeMode::kNearest},
                                                        {"linear", ResizeMode::kLinear},
                                                        {"bilinear", ResizeMode::kLinear},
                                                        {"cubic", ResizeMode::kCubic}}));
  if (context.op_type() == "Upsample" || context.opset() < 11) {
    WNN_RETURN_IF_ERROR(ReadOldSpec(context, rank, spec));
  } else {
    WNN_RETURN_IF_ERROR(ReadNewSpec(context, spec));
  }
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> wanted, context.attributes().Ints("axes"));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] std::vector<size_t> distinct, NormalizeAxes(wanted, rank));
  for (int64_t axis : wanted) {
    WNN_ASSIGN_OR_RETURN(size_t index, NormalizeAxis(axis, rank));
    spec.axes.push_back(index);
  }
  for (size_t i = 0; wanted.empty() && i < rank; ++i) spec.axes.push_back(i);
  return spec;
}

Result<std::optional<std::vector<ResizedAxis>>> ResizeAxes(const OpContext& context,
                                                           const ResizeSpec& spec) {
  using Axes = std::vector<ResizedAxis>;
  WNN_ASSIGN_OR_RETURN(auto scales, Numbers(context, spec.scales_input));
  WNN_ASSIGN_OR_RETURN(auto sizes, Numbers(context, spec.sizes_input));
  WNN_ASSIGN_OR_RETURN(auto roi, Numbers(context, spec.roi_input));
  const Fact& x = context.Input(0);
  if (!scales || !sizes || !roi || !x.IsConcrete()) return std::optional<Axes>();
  if (spec.scales_input < 0) *scales = spec.scales;

  Axes axes(x.rank());
  for (size_t i = 0; i < axes.size(); ++i) axes[i].in = axes[i].out = x.dims[i].value;
  if (spec.coordinates == Coordinates::kTfCropAndResize) {
    WNN_RETURN_IF_ERROR(CheckCount("roi", roi->size(), 2 * spec.axes.size()));
    for (size_t i = 0; i < spec.axes.size(); ++i) {
      axes[spec.axes[i]].roi_begin = (*roi)[i];
      axes[spec.axes[i]].roi_end = (*roi)[spec.axes.size() + i];
    }
  }
  if (scales->empty() == sizes->empty()) {
    return InvalidArgument("exactly one of scales and sizes must be given");
  }
  if (sizes->empty()) {
    WNN_RETURN_IF_ERROR(ApplyScales(spec, *scales, axes));
  } else {
    WNN_RETURN_IF_ERROR(ApplySizes(spec, *sizes, axes));
  }
  for (const ResizedAxis& axis : axes) {
    if (axis.in == 0 && axis.out != 0) return InvalidArgument("an empty axis cannot be enlarged");
  }
  return std::optional(std::move(axes));
}

Result<kernels::AxisTaps> MakeAxisTaps(const ResizeSpec& spec, const ResizedAxis& axis) {
  kernels::AxisTaps taps;
  taps.in = axis.in;
  taps.out = axis.out;
  // The taps of a position x are the `n_taps` whole numbers around it, as many on its left, where
  // its own place counts, as on its right. An antialiasing filter is as much wider as the output is
  // smaller.
  const double stretch = spec.antialias ? std::min(axis.scale, 1.0) : 1.0;
  const double reach = spec.mode == ResizeMode::kCubic ? 2 : 1;
  const auto first_tap = static_cast<int64_t>(
      std::max(std::floor(-reach / stretch) + 1, -2 * static_cast<double>(axis.in)));
  taps.n_taps = spec.mode == ResizeMode::kNearest ? 1 : 2 - 2 * first_tap;
  constexpr int64_t kMaxTaps = int64_t{1} << 24;
  if (axis.out > kMaxTaps / taps.n_taps) {
    return TooLarge("an axis resized to " + std::to_string(axis.out) + " positions");
  }
  auto add = [&](int64_t position, double weight) {
    taps.position.push_back(std::clamp<int64_t>(position, 0, axis.in - 1));
    taps.weight.push_back(weight);
  };
  for (int64_t i = 0; i < axis.out; ++i) {
    const double limit = static_cast<double>(4 * graph::kMaxExtent);
    double x = std::clamp(SourcePosition(spec, axis, i), -limit, limit);
    if (spec.coordinates == Coordinates::kTfCropAndResize) {
      taps.outside.push_back(!(x >= 0 && x <= static_cast<double>(axis.in - 1)));
    }
    if (x != x) x = 0;  // of a region of interest that is no number
    if (spec.mode == ResizeMode::kNearest) {
      add(NearestPosition(spec.nearest, x), 1);
      continue;
    }
    const double base = std::ceil(x) - 1, ratio = x - base;  // ratio in (0, 1]
    double sum = 0;
    const size_t first = taps.weight.size();
    for (int64_t k = first_tap; k < first_tap + taps.n_taps; ++k) {
      const double distance = (static_cast<double>(k) - ratio) * stretch;
      double weight = spec.mode == ResizeMode::kCubic ? CubicKernel(distance, spec.cubic_a)
                                                      : LinearKernel(distance);
      const int64_t position = static_cast<int64_t>(base) + k;
      if (spec.exclude_outside && (position < 0 || position >= axis.in)) weight = 0;
      add(position, weight);
      sum += weight;
    }
    if (!spec.antialias && !spec.exclude_outside) continue;
    for (size_t k = first; k < taps.weight.size() && sum != 0; ++k) taps.weight[k] /= sum;
  }
  return taps;
}

}  // namespace wnn::ops
