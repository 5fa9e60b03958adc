// DeformConv and Col2Im.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/reference/columns.h"
#include "engine/kernels/reference/convert.h"
#include "engine/ops/families.h"
#include "engine/ops/product_batch.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/widened.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;
constexpr size_t kX = 0, kW = 1, kOffset = 2, kBias = 3, kMask = 4;

// Both operators know their kernel's shape, from weights or an input: the remaining attributes.
Result<WindowAttributes> ReadWindow(const OpContext& context, std::span<const int64_t> kernel) {
  return ParseWindowAttributes(context, kernel.size(), kernel);
}

// A convolution whose taps are moved by offsets, read with linear interpolation, zero outside. The
// moved taps become the columns of a matrix product. T is float or double.
template <typename T>
class DeformConvOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t batch = 1, channels = 1, out_channels = 1, groups = 1, offset_groups = 1;
    size_t rank = 2;
    kernels::Window window;
  };
  explicit DeformConvOp(const Geometry& g)
      : g_(g),
        product_({.m = g.out_channels / g.groups,
                  .k = g.channels / g.groups * g.window.n_taps(),
                  .n = g.window.out_size(),
                  .count = g.groups}) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return CheckedAdd(ColumnBytes(), product_.ScratchBytes(n_threads)).value_or(UINT64_MAX);
  }

  Status Run(const RunArgs& args) const override {
    T* columns = reinterpret_cast<T*>(args.scratch);
    const T* bias = args.in<T>(kBias);
    const int64_t taps = g_.window.n_taps(), positions = g_.window.out_size();
    for (int64_t image = 0; image < g_.batch; ++image) {
      args.parallel->ForEach(static_cast<size_t>(g_.offset_groups * taps), [&](size_t task, int) {
        const int64_t group = static_cast<int64_t>(task) / taps;
        FillTap(args, image, group, static_cast<int64_t>(task) % taps, columns);
      });
      T* y = args.out<T>(0) + image * g_.out_channels * positions;
      product_.Run(args.in<T>(kW), columns, y, args.scratch + ColumnBytes(), *args.parallel);
      StopCheck check(*args.parallel);
      for (int64_t i = 0; bias != nullptr && i < g_.out_channels * positions; ++i) {
        if (check.Stopped(4)) return OkStatus();
        y[i] += bias[i / positions];
      }
    }
    return OkStatus();
  }

 private:
  // One tap of all channels of an offset group, at every output position.
  void FillTap(const RunArgs& args, int64_t image, int64_t group, int64_t tap, T* columns) const {
    const kernels::Window& w = g_.window;
    const int64_t n = w.out_size(), taps = w.n_taps();
    const int64_t rank = static_cast<int64_t>(g_.rank), first = 3 - rank;
    const T* offsets =
        args.in<T>(kOffset) + (((image * g_.offset_groups + group) * taps + tap) * rank) * n;
    const T* mask = args.in<T>(kMask);
    if (mask != nullptr) mask += ((image * g_.offset_groups + group) * taps + tap) * n;
    const std::array<int64_t, 3> taps_at = {tap / (w.kernel[1] * w.kernel[2]),
                                            tap / w.kernel[2] % w.kernel[1], tap % w.kernel[2]};
    const int64_t channels = g_.channels / g_.offset_groups;
    StopCheck check(*args.parallel);
    for (int64_t position = 0; position < n; ++position) {
      if (check.Stopped(8 * channels + 32)) return;
      const std::array<int64_t, 3> at = {position / (w.out[1] * w.out[2]),
                                         position / w.out[2] % w.out[1], position % w.out[2]};
      std::array<double, 3> x{};
      for (size_t d = 0; d < 3; ++d) {
        x[d] =
            static_cast<double>(at[d] * w.stride[d] - w.pad_begin[d] + taps_at[d] * w.dilation[d]);
        const int64_t axis = static_cast<int64_t>(d) - first;
        if (axis >= 0) x[d] += static_cast<double>(offsets[axis * n + position]);
      }
      const Corners corners = CornersOf(x);
      const T factor = mask != nullptr ? mask[position] : T{1};
      for (int64_t c = group * channels; c < (group + 1) * channels; ++c) {
        const T* plane = args.in<T>(kX) + (image * g_.channels + c) * w.in_size();
        double sum = 0;
        for (size_t k = 0; k < corners.n; ++k) sum += corners.weight[k] * plane[corners.at[k]];
        columns[(c * taps + tap) * n + position] = static_cast<T>(sum) * factor;
      }
    }
  }

  struct Corners {
    size_t n = 0;
    std::array<int64_t, 8> at{};
    std::array<double, 8> weight{};
  };

  Corners CornersOf(const std::array<double, 3>& x) const {
    const kernels::Window& w = g_.window;
    std::array<int64_t, 3> low{};
    std::array<double, 3> fraction{};
    for (size_t d = 0; d < 3; ++d) {
      // Also when it is no number.
      if (!(x[d] > -1 && x[d] < static_cast<double>(w.in[d]))) return {};
      low[d] = static_cast<int64_t>(std::floor(x[d]));
      fraction[d] = x[d] - static_cast<double>(low[d]);
    }
    Corners corners;
    for (size_t bits = 0; bits < 8; ++bits) {
      int64_t at = 0;
      double weight = 1;
      for (size_t d = 0; d < 3; ++d) {
        const int64_t up = static_cast<int64_t>(bits >> d & 1);
        const int64_t index = low[d] + up;
        weight *= up != 0 ? fraction[d] : 1 - fraction[d];
        if (index < 0 || index >= w.in[d]) weight = 0;
        at = at * w.in[d] + index;
      }
      if (weight == 0) continue;
      corners.at[corners.n] = at;
      corners.weight[corners.n++] = weight;
    }
    return corners;
  }

  uint64_t ColumnBytes() const {
    const int64_t n = g_.channels * g_.window.n_taps() * g_.window.out_size();
    return (static_cast<uint64_t>(n) * sizeof(T) + 63) / 64 * 64;
  }

  const Geometry g_;
  const ProductBatch<T> product_;  // of one image: every group
};

struct DeformGroups {
  int64_t groups = 1, offset_groups = 1;
};

Result<DeformGroups> ReadGroups(const OpContext& context) {
  DeformGroups g;
  WNN_ASSIGN_OR_RETURN(g.groups, context.attributes().Int("group", 1));
  WNN_ASSIGN_OR_RETURN(g.offset_groups, context.attributes().Int("offset_group", 1));
  if (g.groups < 1 || g.offset_groups < 1) return InvalidArgument("a number of groups is below 1");
  return g;
}

// Everything about concrete operands that must fit.
Status CheckDeform(const OpContext& context, const Shape& x, const Shape& w, const Shape& y) {
  WNN_ASSIGN_OR_RETURN(DeformGroups g, ReadGroups(context));
  if (x[1] % g.groups != 0 || w[0] % g.groups != 0 || x[1] / g.groups != w[1] ||
      x[1] % g.offset_groups != 0) {
    return InvalidArgument("input " + ShapeToString(x) + " does not fit weights " +
                           ShapeToString(w) + " in these groups");
  }
  const int64_t taps = ShapeProduct(std::span(w).subspan(2));
  const int64_t rank = static_cast<int64_t>(x.size()) - 2;
  auto check = [&](size_t i, int64_t channels) {
    if (!context.HasInput(i) || !context.Input(i).IsConcrete()) return OkStatus();
    Shape expected = y;
    expected[1] = channels;
    if (context.Input(i).ConcreteShape() == expected) return OkStatus();
    return InvalidArgument("input " + std::to_string(i) + ", " + context.Input(i).ToString() +
                           ", is not " + ShapeToString(expected));
  };
  WNN_RETURN_IF_ERROR(check(kOffset, g.offset_groups * taps * rank));
  WNN_RETURN_IF_ERROR(check(kMask, g.offset_groups * taps));
  if (context.HasInput(kBias) && context.Input(kBias).IsConcrete() &&
      context.Input(kBias).ConcreteShape() != Shape{w[0]}) {
    return InvalidArgument("bias " + context.Input(kBias).ToString() +
                           " does not have one number a channel");
  }
  return OkStatus();
}

Status InferDeformConv(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kX, kFloatSet));
  for (size_t i : {kW, kOffset, kBias, kMask}) {
    WNN_RETURN_IF_ERROR(context.RequireSameType(kX, i));
  }
  WNN_RETURN_IF_ERROR(context.RequireRank(kX, 3, kernels::kMaxSpatialRank + 2));
  const Fact &x = context.Input(kX), &w = context.Input(kW);
  if (!x.has_rank || !w.IsConcrete()) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  const Shape weights = w.ConcreteShape();
  if (weights.size() != x.rank()) {
    return InvalidArgument("weights " + w.ToString() + " and input " + x.ToString() +
                           " do not have the same rank");
  }
  WNN_ASSIGN_OR_RETURN(WindowAttributes window, ReadWindow(context, std::span(weights).subspan(2)));
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> out,
                       WindowOutputDims(window, std::span(x.dims).subspan(2)));
  std::vector<Dim> dims = {x.dims[0], graph::KnownDim(weights[0])};
  dims.insert(dims.end(), out.begin(), out.end());
  Fact y = Fact::Ranked(x.dtype, std::move(dims));
  if (x.IsConcrete()) {
    WNN_RETURN_IF_ERROR(CheckDeform(context, x.ConcreteShape(), weights, y.ConcreteShape()));
  }
  context.SetOutput(0, std::move(y));
  return OkStatus();
}

template <typename T>
Result<CompiledPtr> MakeDeformConv(const CompileContext& context) {
  const Shape x = context.InputShape(kX), w = context.InputShape(kW);
  WNN_ASSIGN_OR_RETURN(DeformGroups groups, ReadGroups(context));
  WNN_ASSIGN_OR_RETURN(WindowAttributes window, ReadWindow(context, std::span(w).subspan(2)));
  typename DeformConvOp<T>::Geometry g;
  g.batch = x[0];
  g.channels = x[1];
  g.out_channels = w[0];
  g.groups = groups.groups;
  g.offset_groups = groups.offset_groups;
  g.rank = x.size() - 2;
  WNN_ASSIGN_OR_RETURN(g.window, MakeWindow(window, std::span(x).subspan(2)));
  const auto columns = ElementCount(std::array{g.channels, g.window.n_taps(), g.window.out_size()});
  if (!columns || *columns > graph::kMaxExtent) return TooLarge("the columns are too large");
  return CompiledPtr(std::make_unique<DeformConvOp<T>>(g));
}

Result<CompiledPtr> CompileDeformConv(const CompileContext& context) {
  switch (context.InputType(kX)) {
    case DType::kFloat: return MakeDeformConv<float>(context);
    case DType::kDouble: return MakeDeformConv<double>(context);
    default: return CompileWidened(context, CompileDeformConv);
  }
}

// Col2Im: columns added where their blocks lie.
template <typename T>
class Col2ImOp final : public CompiledOp {
 public:
  Col2ImOp(const kernels::Window& window, int64_t n_planes)
      : window_(window), n_planes_(n_planes) {}
  Status Run(const RunArgs& args) const override {
    args.parallel->ForEach(static_cast<size_t>(n_planes_), [&](size_t i, int) {
      const int64_t plane = static_cast<int64_t>(i);
      T* out = args.out<T>(0) + plane * window_.in_size();
      std::fill(out, out + window_.in_size(), T{0});
      kernels::AddColumns(window_, args.in<T>(0) + plane * window_.n_taps() * window_.out_size(),
                          out, *args.parallel);
    });
    return OkStatus();
  }

 private:
  const kernels::Window window_;
  const int64_t n_planes_;
};

struct Blocks {
  Shape image;
  Shape block;
  WindowAttributes window;
};

Result<std::optional<Blocks>> ReadBlocks(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(auto image, context.InputInts(1));
  WNN_ASSIGN_OR_RETURN(auto block, context.InputInts(2));
  if (!image || !block) return std::optional<Blocks>();
  if (image->size() != block->size()) {
    return InvalidArgument("image_shape " + ShapeToString(*image) + " and block_shape " +
                           ShapeToString(*block) + " do not have the same rank");
  }
  for (int64_t extent : *image) {
    if (extent < 0 || extent > graph::kMaxExtent) {
      return InvalidArgument("image_shape " + ShapeToString(*image) + " is out of bounds");
    }
  }
  Blocks blocks;
  blocks.image = *image;
  blocks.block = *block;
  WNN_ASSIGN_OR_RETURN(blocks.window, ReadWindow(context, blocks.block));
  return std::optional(std::move(blocks));
}

Status InferCol2Im(InferContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(0, kNumericSet));
  WNN_RETURN_IF_ERROR(context.RequireRank(0, 3, 3));
  const Fact& x = context.Input(0);
  WNN_ASSIGN_OR_RETURN(auto blocks, ReadBlocks(context));
  if (!x.has_rank || !blocks) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  std::vector<Dim> image;
  for (int64_t extent : blocks->image) image.push_back(graph::KnownDim(extent));
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> positions, WindowOutputDims(blocks->window, image));
  WNN_ASSIGN_OR_RETURN(Dim n_positions, DimProduct(positions));
  const auto taps = ElementCount(blocks->block);
  if (!taps) return TooLarge("block_shape is too large");
  const Dim& rows = x.dims[1];
  if ((IsKnown(rows) && rows.value % *taps != 0) ||
      (IsKnown(x.dims[2]) && x.dims[2].value != n_positions.value)) {
    return InvalidArgument("input " + x.ToString() + " does not hold " +
                           std::to_string(n_positions.value) + " blocks of " +
                           ShapeToString(blocks->block));
  }
  std::vector<Dim> dims = {x.dims[0], IsKnown(rows) ? graph::KnownDim(rows.value / *taps) : Dim()};
  dims.insert(dims.end(), image.begin(), image.end());
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

Result<CompiledPtr> CompileCol2Im(const CompileContext& context) {
  const DType dtype = context.InputType(0);
  if (dtype == DType::kFloat16 || dtype == DType::kBfloat16) {
    return CompileWidened(context, CompileCol2Im);
  }
  WNN_ASSIGN_OR_RETURN(auto blocks, ReadBlocks(context));
  if (!blocks) return Internal("the image's shape is not known");
  WNN_ASSIGN_OR_RETURN(kernels::Window window, MakeWindow(blocks->window, blocks->image));
  const Shape y = context.OutputShape(0);
  using Types = kernels::Types<float, double, int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t,
                               uint32_t, uint64_t>;
  return kernels::Visit(dtype, Types(), [&]<typename T>() -> CompiledPtr {
    return std::make_unique<Col2ImOp<T>>(window, y[0] * y[1]);
  });
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Col2Im",
     .since_version = 18,
     .inputs = {3, 3},
     .infer = InferCol2Im,
     .compile = CompileCol2Im,
     .value_inputs = 0b110},
    {.name = "DeformConv",
     .since_version = 19,
     .inputs = {3, 5},
     .infer = InferDeformConv,
     .compile = CompileDeformConv},
});

}  // namespace

std::span<const OpDef> DeformOps() { return kOps; }

}  // namespace wnn::ops
