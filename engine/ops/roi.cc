// Pooling of regions of interest: RoiAlign, MaxRoiPool.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// What a region that a tensor names may cost: its sampling grid along one axis.
constexpr double kMaxGrid = 1 << 12;

struct Geometry {
  int64_t images = 1, channels = 1, height = 1, width = 1;
  int64_t regions = 0, out_height = 1, out_width = 1;
  double scale = 1;
  int64_t plane() const { return height * width; }
  int64_t out_plane() const { return out_height * out_width; }
};

Status CheckImage(int64_t image, const Geometry& g) {
  if (image >= 0 && image < g.images) return OkStatus();
  return RuntimeError("a region lies in image " + std::to_string(image) + " of " +
                      std::to_string(g.images));
}

// The pixels around a point and what each counts.
struct Bilinear {
  std::array<int64_t, 4> at{};
  std::array<double, 4> weight{};
};

Bilinear Around(const Geometry& g, double y, double x) {
  Bilinear b;
  const double height = static_cast<double>(g.height), width = static_cast<double>(g.width);
  if (!(y >= -1 && y <= height && x >= -1 && x <= width)) return b;
  auto low_of = [](double& v, int64_t extent) {
    v = std::max(v, 0.0);
    int64_t low = static_cast<int64_t>(v);
    if (low >= extent - 1) {
      low = extent - 1;
      v = static_cast<double>(low);
    }
    return low;
  };
  const int64_t y0 = low_of(y, g.height), x0 = low_of(x, g.width);
  const int64_t y1 = std::min(y0 + 1, g.height - 1), x1 = std::min(x0 + 1, g.width - 1);
  const double ly = y - static_cast<double>(y0), lx = x - static_cast<double>(x0);
  b.at = {y0 * g.width + x0, y0 * g.width + x1, y1 * g.width + x0, y1 * g.width + x1};
  b.weight = {(1 - ly) * (1 - lx), (1 - ly) * lx, ly * (1 - lx), ly * lx};
  return b;
}

template <typename T>
class RoiAlignOp final : public CompiledOp {
 public:
  struct Options {
    Geometry g;
    bool max = false;
    bool half_pixel = true;
    int64_t sampling = 0;
  };
  explicit RoiAlignOp(const Options& options) : o_(options), g_(o_.g) {}

  Status Run(const RunArgs& args) const override {
    if (g_.channels == 0) return OkStatus();
    const int64_t* images = args.in<int64_t>(2);
    for (int64_t r = 0; r < g_.regions; ++r) {
      WNN_RETURN_IF_ERROR(CheckImage(images[r], g_));
      const Region region = RegionOf(args.in<T>(1) + 4 * r);
      if (!(region.grid_h <= kMaxGrid && region.grid_w <= kMaxGrid)) {
        return RuntimeError("region " + std::to_string(r) + " is too large to be sampled");
      }
    }
    args.parallel->ForEach(static_cast<size_t>(g_.regions * g_.out_height), [&](size_t task, int) {
      const int64_t r = static_cast<int64_t>(task) / g_.out_height;
      const int64_t row = static_cast<int64_t>(task) % g_.out_height;
      // Bound inputs may change under our feet: never out of the data.
      const int64_t image = std::clamp<int64_t>(images[r], 0, g_.images - 1);
      OutputRow(RegionOf(args.in<T>(1) + 4 * r), row,
                args.in<T>(0) + image * g_.channels * g_.plane(),
                args.out<T>(0) + r * g_.channels * g_.out_plane());
    });
    return OkStatus();
  }

 private:
  struct Region {
    double y = 0, x = 0;            // where it begins
    double bin_h = 0, bin_w = 0;    // of one output position
    double grid_h = 0, grid_w = 0;  // samples of one output position
  };

  Region RegionOf(const T* roi) const {
    const double offset = o_.half_pixel ? 0.5 : 0;
    auto at = [&](size_t i) {
      return static_cast<double>(kernels::Widen(roi[i])) * g_.scale - offset;
    };
    Region region;
    region.x = at(0);
    region.y = at(1);
    double width = at(2) - region.x, height = at(3) - region.y;
    if (!o_.half_pixel) {
      width = std::max(width, 1.0);
      height = std::max(height, 1.0);
    }
    region.bin_h = height / static_cast<double>(g_.out_height);
    region.bin_w = width / static_cast<double>(g_.out_width);
    const double sampling = static_cast<double>(o_.sampling);
    region.grid_h = o_.sampling > 0 ? sampling : std::max(std::ceil(region.bin_h), 0.0);
    region.grid_w = o_.sampling > 0 ? sampling : std::max(std::ceil(region.bin_w), 0.0);
    return region;
  }

  void OutputRow(const Region& region, int64_t row, const T* image, T* out) const {
    const int64_t grid_h = static_cast<int64_t>(std::min(region.grid_h, kMaxGrid));
    const int64_t grid_w = static_cast<int64_t>(std::min(region.grid_w, kMaxGrid));
    const double count = static_cast<double>(std::max<int64_t>(grid_h * grid_w, 1));
    for (int64_t column = 0; column < g_.out_width; ++column) {
      for (int64_t c = 0; c < g_.channels; ++c) {
        const T* plane = image + c * g_.plane();
        double sum = 0, best = -std::numeric_limits<double>::infinity();
        for (int64_t iy = 0; iy < grid_h; ++iy) {
          const double y = region.y + static_cast<double>(row) * region.bin_h +
                           (static_cast<double>(iy) + 0.5) * region.bin_h / region.grid_h;
          for (int64_t ix = 0; ix < grid_w; ++ix) {
            const double x = region.x + static_cast<double>(column) * region.bin_w +
                             (static_cast<double>(ix) + 0.5) * region.bin_w / region.grid_w;
            const Bilinear b = Around(g_, y, x);
            for (size_t k = 0; k < 4; ++k) {
              const double value =
                  b.weight[k] * static_cast<double>(kernels::Widen(plane[b.at[k]]));
              sum += value;
              best = std::max(best, value);  // of the weighted corners, as ONNX's reference has it
            }
          }
        }
        const double result = !o_.max ? sum / count : grid_h * grid_w > 0 ? best : 0;
        out[c * g_.out_plane() + row * g_.out_width + column] = kernels::Convert<T>(result);
      }
    }
  }

  const Options o_;
  const Geometry& g_;
};

Status InferRoi(InferContext& context, int64_t roi_columns, const Dim& regions, int64_t out_height,
                int64_t out_width) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(0, 1));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 4, 4));
  WNN_RETURN_IF_ERROR(context.RequireRank(1, 2, 2));
  const Fact &x = context.Input(0), &rois = context.Input(1);
  if (rois.has_rank && IsKnown(rois.dims[1]) && rois.dims[1].value != roi_columns) {
    return InvalidArgument("rois " + rois.ToString() + " do not have " +
                           std::to_string(roi_columns) + " numbers each");
  }
  if (out_height < 1 || out_width < 1) return InvalidArgument("the output's size is not positive");
  if (x.has_rank && (x.dims[2].value == 0 || x.dims[3].value == 0)) {
    return InvalidArgument("input " + x.ToString() + " has no pixels");
  }
  context.SetOutput(
      0, Fact::Ranked(x.dtype, {regions, x.has_rank ? x.dims[1] : Dim(),
                                graph::KnownDim(out_height), graph::KnownDim(out_width)}));
  return OkStatus();
}

Status InferRoiAlign(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(2, {DType::kInt64}));
  WNN_RETURN_IF_ERROR(context.RequireRank(2, 1, 1));
  WNN_ASSIGN_OR_RETURN(int64_t height, context.attributes().Int("output_height", 1));
  WNN_ASSIGN_OR_RETURN(int64_t width, context.attributes().Int("output_width", 1));
  const Fact &rois = context.Input(1), &images = context.Input(2);
  Dim regions = rois.has_rank && rois.rank() > 0 ? rois.dims[0] : Dim();
  if (images.has_rank && IsKnown(images.dims[0])) {
    if (IsKnown(regions) && regions.value != images.dims[0].value) {
      return InvalidArgument("rois " + rois.ToString() + " and batch_indices " + images.ToString() +
                             " are not as many");
    }
    regions = images.dims[0];
  }
  return InferRoi(context, 4, regions, height, width);
}

Geometry GeometryOf(const CompileContext& context, float scale) {
  const Shape x = context.InputShape(0), y = context.OutputShape(0);
  return {x[0], x[1], x[2], x[3], y[0], y[2], y[3], scale};
}

Result<CompiledPtr> CompileRoiAlign(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(float scale, context.attributes().Float("spatial_scale", 1));
  WNN_ASSIGN_OR_RETURN(std::string_view mode, context.attributes().String("mode", "avg"));
  WNN_ASSIGN_OR_RETURN(int64_t sampling, context.attributes().Int("sampling_ratio", 0));
  constexpr int kFirstWithHalfPixel = 16;
  WNN_ASSIGN_OR_RETURN(
      std::string_view coordinates,
      context.attributes().String(
          "coordinate_transformation_mode",
          context.opset() < kFirstWithHalfPixel ? "output_half_pixel" : "half_pixel"));
  if (mode != "avg" && mode != "max") {
    return InvalidArgument("attribute 'mode' is " + graph::Quoted(mode));
  }
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          typename RoiAlignOp<T>::Options options;
                          options.g = GeometryOf(context, scale);
                          options.max = mode == "max";
                          options.half_pixel = coordinates == "half_pixel";
                          options.sampling = std::min(sampling, static_cast<int64_t>(kMaxGrid));
                          return std::make_unique<RoiAlignOp<T>>(options);
                        });
}

// MaxRoiPool: regions in whole pixels, both ends inside, cut into bins that may overlap by one.
template <typename T>
class MaxRoiPoolOp final : public CompiledOp {
 public:
  explicit MaxRoiPoolOp(const Geometry& g) : g_(g) {}
  Status Run(const RunArgs& args) const override {
    const T* rois = args.in<T>(1);
    for (int64_t r = 0; r < g_.regions; ++r) {
      WNN_RETURN_IF_ERROR(CheckImage(ImageOf(rois + 5 * r), g_));
    }
    args.parallel->ForEach(static_cast<size_t>(g_.regions * g_.channels), [&](size_t task, int) {
      const int64_t r = static_cast<int64_t>(task) / g_.channels;
      const int64_t c = static_cast<int64_t>(task) % g_.channels;
      const int64_t image = std::clamp<int64_t>(ImageOf(rois + 5 * r), 0, g_.images - 1);
      Plane(rois + 5 * r, args.in<T>(0) + (image * g_.channels + c) * g_.plane(),
            args.out<T>(0) + static_cast<int64_t>(task) * g_.out_plane());
    });
    return OkStatus();
  }

 private:
  static int64_t ImageOf(const T* roi) { return kernels::Convert<int64_t>(roi[0]); }

  struct Bin {
    int64_t begin = 0, end = 0;
  };
  // Bin `i` of `n` along an axis whose region is [first, last].
  static Bin BinOf(double first, double last, int64_t i, int64_t n, int64_t extent) {
    const double size = std::max(last - first + 1, 1.0) / static_cast<double>(n);
    const double begin = std::floor(static_cast<double>(i) * size) + first;
    const double end = std::ceil(static_cast<double>(i + 1) * size) + first;
    const double limit = static_cast<double>(extent);
    return {static_cast<int64_t>(std::clamp(begin, 0.0, limit)),
            static_cast<int64_t>(std::clamp(end, 0.0, limit))};
  }

  void Plane(const T* roi, const T* in, T* out) const {
    double corner[4];
    for (size_t i = 0; i < 4; ++i) {
      const double scaled = static_cast<double>(kernels::Widen(roi[i + 1])) * g_.scale;
      corner[i] = std::isfinite(scaled) ? std::round(scaled) : 0;
    }
    for (int64_t row = 0; row < g_.out_height; ++row) {
      const Bin h = BinOf(corner[1], corner[3], row, g_.out_height, g_.height);
      for (int64_t column = 0; column < g_.out_width; ++column) {
        const Bin w = BinOf(corner[0], corner[2], column, g_.out_width, g_.width);
        kernels::Compute<T> best{0};
        bool any = false;
        for (int64_t y = h.begin; y < h.end; ++y) {
          for (int64_t x = w.begin; x < w.end; ++x) {
            const auto value = kernels::Widen(in[y * g_.width + x]);
            if (!any || value > best || value != value) best = value;
            any = true;
          }
        }
        out[row * g_.out_width + column] = kernels::Narrow<T>(best);
      }
    }
  }

  const Geometry g_;
};

Status InferMaxRoiPool(InferContext& context) {
  WNN_ASSIGN_OR_RETURN(auto shape, context.attributes().Ints("pooled_shape"));
  if (shape.size() != 2) return InvalidArgument("attribute 'pooled_shape' is not two numbers");
  const Fact& rois = context.Input(1);
  return InferRoi(context, 5, rois.has_rank && rois.rank() > 0 ? rois.dims[0] : Dim(), shape[0],
                  shape[1]);
}

Result<CompiledPtr> CompileMaxRoiPool(const CompileContext& context) {
  WNN_ASSIGN_OR_RETURN(float scale, context.attributes().Float("spatial_scale", 1));
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<MaxRoiPoolOp<T>>(GeometryOf(context, scale));
                        });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "MaxRoiPool",
     .inputs = {2, 2},
     .infer = InferMaxRoiPool,
     .compile = CompileMaxRoiPool},
    {.name = "RoiAlign",
     .since_version = 10,
     .inputs = {3, 3},
     .infer = InferRoiAlign,
     .compile = CompileRoiAlign},
});

}  // namespace

std::span<const OpDef> RoiOps() { return kOps; }

}  // namespace wnn::ops
