// GridSample and AffineGrid.
#include <algorithm>
#include <array>
#include <cmath>

#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/constant_values.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kMaxDims = 3;
constexpr size_t kMaxTaps = 64;  // four a dimension

enum class Mode { kNearest, kLinear, kCubic };
enum class Padding { kZeros, kBorder, kReflection };

struct SampleSpec {
  Mode mode = Mode::kLinear;
  Padding padding = Padding::kZeros;
  bool align_corners = false;
};

Result<SampleSpec> ReadSampleSpec(const OpContext& context) {
  SampleSpec spec;
  WNN_ASSIGN_OR_RETURN(std::string_view mode, context.attributes().String("mode", "linear"));
  WNN_ASSIGN_OR_RETURN(std::string_view padding,
                       context.attributes().String("padding_mode", "zeros"));
  WNN_ASSIGN_OR_RETURN(int64_t align, context.attributes().Int("align_corners", 0));
  if (mode == "nearest") {
    spec.mode = Mode::kNearest;
  } else if (mode == "cubic" || mode == "bicubic") {
    spec.mode = Mode::kCubic;
  } else if (mode != "linear" && mode != "bilinear") {
    return InvalidArgument("attribute 'mode' is " + graph::Quoted(mode));
  }
  if (padding == "border") {
    spec.padding = Padding::kBorder;
  } else if (padding == "reflection") {
    spec.padding = Padding::kReflection;
  } else if (padding != "zeros") {
    return InvalidArgument("attribute 'padding_mode' is " + graph::Quoted(padding));
  }
  spec.align_corners = align != 0;
  return spec;
}

// `x` folded back at the borders until it lies between them.
double Reflect(double x, double low, double high) {
  const double range = high - low;
  if (!(range > 0)) return low;
  if (x < low || x > high) {
    const double beyond = x < low ? low - x : x - high;
    const double folds = std::floor(beyond / range), rest = beyond - folds * range;
    const bool even = std::fmod(folds, 2) == 0;
    x = (x < low) == even ? low + rest : high - rest;
  }
  return x;
}

// Keys' cubic convolution with a = -0.75 at distance x.
double CubicWeight(double x) {
  constexpr double kA = -0.75;
  x = std::fabs(x);
  if (x <= 1) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA;
}

// What one output position reads of one dimension.
struct DimTaps {
  int n = 0;
  std::array<int64_t, 4> index{};  // -1: outside, counts as 0
  std::array<double, 4> weight{};
};

DimTaps TapsOf(const SampleSpec& spec, double normalized, int64_t extent) {
  const double length = static_cast<double>(extent);
  double x = spec.align_corners ? (normalized + 1) / 2 * (length - 1)
                                : ((normalized + 1) * length - 1) / 2;
  if (spec.mode == Mode::kNearest) x = std::nearbyint(x);
  const double low = spec.align_corners ? 0 : -0.5;
  const double high = spec.align_corners ? length - 1 : length - 0.5;
  if (x < low || x > high) {
    if (spec.padding == Padding::kBorder) x = std::clamp(x, 0.0, length - 1);
    if (spec.padding == Padding::kReflection) x = Reflect(x, low, high);
  }
  DimTaps taps;
  // Positions that are no number, or too far away to be one, are outside.
  if (!(std::fabs(x) < static_cast<double>(graph::kMaxExtent) * 2)) {
    taps.n = 1;
    taps.index[0] = -1;
    return taps;
  }
  auto add = [&](int64_t index, double weight) {
    if (index < 0 || index >= extent) {
      if (spec.padding == Padding::kZeros) {
        index = -1;
      } else {
        if (spec.padding == Padding::kReflection) {
          index = static_cast<int64_t>(Reflect(static_cast<double>(index), low, high));
        }
        index = std::clamp<int64_t>(index, 0, extent - 1);
      }
    }
    taps.index[static_cast<size_t>(taps.n)] = index;
    taps.weight[static_cast<size_t>(taps.n++)] = weight;
  };
  const double floor = std::floor(x), fraction = x - floor;
  const int64_t at = static_cast<int64_t>(floor);
  switch (spec.mode) {
    case Mode::kNearest: add(at, 1); break;
    case Mode::kLinear:
      add(at, 1 - fraction);
      add(at + 1, fraction);
      break;
    case Mode::kCubic:
      for (int64_t k = -1; k <= 2; ++k) add(at + k, CubicWeight(fraction - static_cast<double>(k)));
      break;
  }
  return taps;
}

// The elements of one plane that an output position adds up.
struct PlaneTaps {
  size_t n = 0;
  std::array<int64_t, kMaxTaps> offset{};
  std::array<double, kMaxTaps> weight{};
};

PlaneTaps Combine(std::span<const DimTaps> dims, std::span<const int64_t> extents) {
  PlaneTaps taps;
  taps.n = 1;
  taps.weight[0] = 1;
  for (size_t d = 0; d < dims.size(); ++d) {
    const PlaneTaps before = taps;
    taps.n = 0;
    for (size_t i = 0; i < before.n; ++i) {
      for (size_t k = 0; k < static_cast<size_t>(dims[d].n); ++k) {
        if (dims[d].index[k] < 0) continue;
        taps.offset[taps.n] = before.offset[i] * extents[d] + dims[d].index[k];
        taps.weight[taps.n++] = before.weight[i] * dims[d].weight[k];
      }
    }
  }
  return taps;
}

double LoadFloat(DType dtype, const std::byte* data, int64_t i) {
  return kernels::Visit(dtype, kernels::FloatTypes(), [&]<typename T>() {
    return static_cast<double>(kernels::Widen(reinterpret_cast<const T*>(data)[i]));
  });
}

template <typename T>
class GridSampleOp final : public CompiledOp {
 public:
  struct Geometry {
    SampleSpec spec;
    DType grid_type = DType::kFloat;
    int64_t batch = 1, channels = 1, positions = 1;
    std::vector<int64_t> extents;  // of the planes
  };
  explicit GridSampleOp(Geometry geometry) : g_(std::move(geometry)) {
    plane_ = ShapeProduct(g_.extents);
  }
  Status Run(const RunArgs& args) const override {
    const size_t rank = g_.extents.size();
    const int64_t grain =
        std::max<int64_t>(kernels::kElementsPerTask / (16 * std::max<int64_t>(g_.channels, 1)), 1);
    kernels::ForRanges(
        *args.parallel, g_.batch * g_.positions, grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) {
            std::array<DimTaps, kMaxDims> dims;
            for (size_t d = 0; d < rank; ++d) {
              // The grid names the innermost dimension first.
              const int64_t at = (i + 1) * static_cast<int64_t>(rank) - 1 - static_cast<int64_t>(d);
              const double x = LoadFloat(g_.grid_type, args.inputs[1], at);
              dims[d] = TapsOf(g_.spec, x, g_.extents[d]);
            }
            const PlaneTaps taps = Combine(std::span(dims).first(rank), g_.extents);
            const int64_t image = i / g_.positions, position = i % g_.positions;
            const T* plane = args.in<T>(0) + image * g_.channels * plane_;
            T* out = args.out<T>(0) + image * g_.channels * g_.positions + position;
            for (int64_t c = 0; c < g_.channels; ++c) {
              out[c * g_.positions] = Sum(taps, plane + c * plane_);
            }
          }
        });
    return OkStatus();
  }

 private:
  static T Sum(const PlaneTaps& taps, const T* plane) {
    if (taps.n == 1 && taps.weight[0] == 1) return plane[taps.offset[0]];
    double sum = 0;
    for (size_t k = 0; k < taps.n; ++k) {
      sum += taps.weight[k] * static_cast<double>(kernels::Widen(plane[taps.offset[k]]));
    }
    return kernels::Convert<T>(sum);
  }

  const Geometry g_;
  int64_t plane_ = 1;
};

Status InferGridSample(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kAllSet));
  WNN_RETURN_IF_ERROR(context.RequireType(1, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, kMaxDims + 2));
  WNN_RETURN_IF_ERROR(context.RequireRank(1, 3, kMaxDims + 2));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] SampleSpec spec, ReadSampleSpec(context));
  const Fact &x = context.Input(0), &grid = context.Input(1);
  if (!x.has_rank || !grid.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  const Dim& last = grid.dims.back();
  const bool batches_differ =
      IsKnown(x.dims[0]) && IsKnown(grid.dims[0]) && x.dims[0].value != grid.dims[0].value;
  if (x.rank() != grid.rank() || batches_differ ||
      (IsKnown(last) && last.value != static_cast<int64_t>(x.rank()) - 2)) {
    return InvalidArgument("grid " + grid.ToString() + " does not fit input " + x.ToString());
  }
  std::vector<Dim> dims = {x.dims[0], x.dims[1]};
  dims.insert(dims.end(), grid.dims.begin() + 1, grid.dims.end() - 1);
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileGridSample(const CompileContext& context) {
  const Shape x = context.InputShape(0), y = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(SampleSpec spec, ReadSampleSpec(context));
  const Shape extents(x.begin() + 2, x.end());
  const int64_t positions = ShapeProduct(std::span(y).subspan(2));
  if (ShapeProduct(extents) == 0 && ShapeProduct(y) != 0) {
    return InvalidArgument("an input without elements cannot be sampled");
  }
  return kernels::Visit(
      context.InputType(0), kernels::AllTypes(), [&]<typename T>() -> CompiledPtr {
        return std::make_unique<GridSampleOp<T>>(typename GridSampleOp<T>::Geometry{
            spec, context.InputType(1), x[0], x[1], positions, extents});
      });
}

// AffineGrid: grid[n][...][i] = sum over j of theta[n][i][j] * position[j], the last of which is 1.
template <typename T>
class AffineGridOp final : public CompiledOp {
 public:
  AffineGridOp(Shape extents, int64_t batch, bool align_corners)
      : extents_(std::move(extents)), batch_(batch), align_corners_(align_corners) {}
  Status Run(const RunArgs& args) const override {
    const int64_t rank = static_cast<int64_t>(extents_.size()), n = ShapeProduct(extents_);
    kernels::ForRanges(*args.parallel, batch_ * n, kernels::kElementsPerTask / 16,
                       [&](int64_t begin, int64_t end) {
                         for (int64_t i = begin; i < end; ++i) {
                           Point(args.in<T>(0) + i / n * rank * (rank + 1), i % n,
                                 args.out<T>(0) + i * rank);
                         }
                       });
    return OkStatus();
  }

 private:
  void Point(const T* theta, int64_t index, T* out) const {
    const size_t rank = extents_.size();
    std::array<double, kMaxDims> position{};  // innermost dimension first
    for (size_t d = rank; d-- > 0;) {
      const double extent = static_cast<double>(extents_[d]);
      const double at = static_cast<double>(index % extents_[d]);
      index /= extents_[d];
      position[rank - 1 - d] = align_corners_ ? (extents_[d] > 1 ? 2 * at / (extent - 1) - 1 : 0)
                                              : (2 * at + 1) / extent - 1;
    }
    for (size_t i = 0; i < rank; ++i) {
      const T* row = theta + i * (rank + 1);
      double sum = kernels::Widen(row[rank]);
      for (size_t j = 0; j < rank; ++j) {
        sum += static_cast<double>(kernels::Widen(row[j])) * position[j];
      }
      out[i] = kernels::Convert<T>(sum);
    }
  }

  const Shape extents_;
  const int64_t batch_;
  const bool align_corners_;
};

Status InferAffineGrid(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kFloatSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, 3));
  const Fact& theta = context.Input(0);
  WNN_ASSIGN_OR_RETURN(auto size, context.InputInts(1));
  if (!size) {
    context.SetOutput(0, Fact::Unranked(theta.dtype));
    return OkStatus();
  }
  if (size->size() != 4 && size->size() != 5) {
    return InvalidArgument("size has " + std::to_string(size->size()) + " numbers, not 4 or 5");
  }
  const int64_t rank = static_cast<int64_t>(size->size()) - 2;
  const int64_t expected[] = {(*size)[0], rank, rank + 1};
  for (size_t d = 0; theta.has_rank && d < 3; ++d) {
    if (IsKnown(theta.dims[d]) && theta.dims[d].value != expected[d]) {
      return InvalidArgument("theta " + theta.ToString() + " does not fit size " +
                             ShapeToString(*size));
    }
  }
  std::vector<Dim> dims = {graph::KnownDim((*size)[0])};
  for (size_t d = 2; d < size->size(); ++d) {
    if ((*size)[d] < 0) return InvalidArgument("size " + ShapeToString(*size) + " is negative");
    dims.push_back(graph::KnownDim((*size)[d]));
  }
  dims.push_back(graph::KnownDim(rank));
  context.SetOutput(0, Fact::Ranked(theta.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileAffineGrid(const CompileContext& context) {
  const Shape out = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(int64_t align, context.attributes().Int("align_corners", 0));
  const Shape extents(out.begin() + 1, out.end() - 1);
  return kernels::Visit(context.InputType(0), kernels::FloatTypes(),
                        [&]<typename T>() -> CompiledPtr {
                          return std::make_unique<AffineGridOp<T>>(extents, out[0], align != 0);
                        });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "AffineGrid",
     .since_version = 20,
     .inputs = {2, 2},
     .infer = InferAffineGrid,
     .compile = CompileAffineGrid,
     .value_inputs = 0b10},
    {.name = "GridSample",
     .since_version = 16,
     .inputs = {2, 2},
     .infer = InferGridSample,
     .compile = CompileGridSample},
    {.domain = kMicrosoftDomain,
     .name = "GridSample",
     .inputs = {2, 2},
     .infer = InferGridSample,
     .compile = CompileGridSample},
});

}  // namespace

std::span<const OpDef> GridSampleOps() { return kOps; }

}  // namespace wnn::ops
