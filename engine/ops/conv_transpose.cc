// ConvTranspose: the weights times the input, whose columns are added where the windows lie.
#include <algorithm>
#include <array>

#include "engine/base/checked_math.h"
#include "engine/kernels/reference/columns.h"
#include "engine/ops/families.h"
#include "engine/ops/product_batch.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/widened.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {
namespace {

using AutoPad = WindowAttributes::AutoPad;
using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kX = 0, kW = 1, kBias = 2;
constexpr int64_t kMaxAttribute = int64_t{1} << 30;

struct Attributes {
  WindowAttributes window;
  std::vector<int64_t> output_padding;
  std::vector<int64_t> output_shape;  // empty if it is not given
  int64_t groups = 1;
};

Status CheckRange(std::string_view name, std::span<const int64_t> values, size_t count) {
  if (!values.empty() && values.size() != count) {
    return InvalidArgument("attribute '" + std::string(name) + "' has " +
                           std::to_string(values.size()) + " numbers, not " +
                           std::to_string(count));
  }
  for (int64_t value : values) {
    if (value >= 0 && value <= kMaxAttribute) continue;
    return InvalidArgument("attribute '" + std::string(name) + "' has the number " +
                           std::to_string(value) + ", which is out of bounds");
  }
  return OkStatus();
}

Result<Attributes> ReadAttributes(const OpContext& context, std::span<const int64_t> kernel) {
  Attributes a;
  const size_t rank = kernel.size();
  WNN_ASSIGN_OR_RETURN(a.window, ParseWindowAttributes(context, rank, kernel));
  WNN_ASSIGN_OR_RETURN(auto padding, context.attributes().Ints("output_padding"));
  WNN_RETURN_IF_ERROR(CheckRange("output_padding", padding, rank));
  a.output_padding.assign(padding.begin(), padding.end());
  a.output_padding.resize(rank, 0);
  WNN_ASSIGN_OR_RETURN(auto shape, context.attributes().Ints("output_shape"));
  // Some exporters write the batch and the channels too.
  if (shape.size() == rank + 2) shape = shape.subspan(2);
  WNN_RETURN_IF_ERROR(CheckRange("output_shape", shape, rank));
  a.output_shape.assign(shape.begin(), shape.end());
  WNN_ASSIGN_OR_RETURN(a.groups, context.attributes().Int("group", 1));
  if (a.groups < 1) {
    return InvalidArgument("attribute 'group' is " + std::to_string(a.groups) + ", not at least 1");
  }
  return a;
}

struct Extent {
  int64_t out = 0;
  int64_t pad_begin = 0;
};

Result<Extent> ExtentOf(const Attributes& a, size_t d, int64_t in) {
  const WindowAttributes& w = a.window;
  const int64_t reach = (w.kernel[d] - 1) * w.dilations[d] + 1;
  const auto scaled = CheckedMul(w.strides[d], in);
  if (!scaled || *scaled > graph::kMaxExtent) return TooLarge("attribute 'strides'");
  const int64_t whole = w.strides[d] * std::max<int64_t>(in - 1, 0) + a.output_padding[d] + reach;
  const bool same = w.auto_pad == AutoPad::kSameUpper || w.auto_pad == AutoPad::kSameLower;
  Extent e;
  if (a.output_shape.empty() && !same) {
    e.pad_begin = w.pads_begin[d];
    e.out = whole - w.pads_begin[d] - w.pads_end[d];
  } else {
    e.out = a.output_shape.empty() ? in * w.strides[d] : a.output_shape[d];
    const int64_t total = std::max<int64_t>(whole - e.out, 0);
    e.pad_begin = w.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
  }
  if (e.out < 0) {
    return InvalidArgument("padding leaves nothing of dimension " + std::to_string(d + 2));
  }
  return e;
}

Status CheckOperands(const OpContext& context, const Fact& x, const Fact& w, int64_t groups) {
  const Dim &channels = x.dims[1], &weight_channels = w.dims[0], &group_out = w.dims[1];
  if (IsKnown(channels) && IsKnown(weight_channels) &&
      (channels.value != weight_channels.value || channels.value % groups != 0)) {
    return InvalidArgument("input " + x.ToString() + " in " + std::to_string(groups) +
                           " groups does not fit weights " + w.ToString());
  }
  if (!context.HasInput(kBias) || !context.Input(kBias).has_rank) return OkStatus();
  const Fact& bias = context.Input(kBias);
  if (bias.rank() == 1 && (!IsKnown(bias.dims[0]) || !IsKnown(group_out) ||
                           bias.dims[0].value == group_out.value * groups)) {
    return OkStatus();
  }
  return InvalidArgument("bias " + bias.ToString() + " does not have one number a channel");
}

Status InferConvTranspose(InferContext& context) {
  for (size_t i : {kX, kW, kBias}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kFloatSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kX, i));
  }
  const Fact &x = context.Input(kX), &w = context.Input(kW);
  if (!x.has_rank || !w.has_rank || !w.IsConcrete()) {
    context.SetOutput(0, x.has_rank ? Fact::Ranked(x.dtype, std::vector<Dim>(x.rank()))
                                    : Fact::Unranked(x.dtype));
    return OkStatus();
  }
  if (x.rank() < 3 || w.rank() != x.rank()) {
    return InvalidArgument("input " + x.ToString() + " and weights " + w.ToString() +
                           " do not have the same rank of at least 3");
  }
  const Shape w_shape = w.ConcreteShape();
  WNN_ASSIGN_OR_RETURN(Attributes a, ReadAttributes(context, std::span(w_shape).subspan(2)));
  WNN_RETURN_IF_ERROR(CheckOperands(context, x, w, a.groups));
  auto channels = CheckedMul(w_shape[1], a.groups);
  if (!channels) return InvalidArgument("attribute 'group' is out of bounds");
  std::vector<Dim> dims = {x.dims[0], graph::KnownDim(*channels)};
  for (size_t d = 0; d < x.rank() - 2; ++d) {
    if (!IsKnown(x.dims[d + 2])) {
      dims.push_back(a.output_shape.empty() ? graph::UnknownDim()
                                            : graph::KnownDim(a.output_shape[d]));
      continue;
    }
    WNN_ASSIGN_OR_RETURN(Extent extent, ExtentOf(a, d, x.dims[d + 2].value));
    dims.push_back(graph::KnownDim(extent.out));
  }
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

// T is float or double.
template <typename T>
class ConvTransposeOp final : public CompiledOp {
 public:
  struct Geometry {
    int64_t batch = 1, in_channels = 1, out_channels = 1, groups = 1;
    kernels::Window window;  // of the output's planes; its positions are the input's elements
  };
  explicit ConvTransposeOp(const Geometry& g)
      : g_(g),
        product_({.m = g.out_channels / g.groups * g.window.n_taps(),
                  .k = g.in_channels / g.groups,
                  .n = g.window.out_size(),
                  .count = g.groups,
                  .a_transposed = true}) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return CheckedAdd(ColumnBytes(), product_.ScratchBytes(n_threads)).value_or(UINT64_MAX);
  }

  Status Run(const RunArgs& args) const override {
    T* columns = reinterpret_cast<T*>(args.scratch);
    const int64_t plane = g_.window.in_size(), positions = g_.window.out_size();
    const T* bias = args.in<T>(kBias);
    for (int64_t image = 0; image < g_.batch; ++image) {
      product_.Run(args.in<T>(kW), args.in<T>(kX) + image * g_.in_channels * positions, columns,
                   args.scratch + ColumnBytes(), *args.parallel);
      args.parallel->ForEach(static_cast<size_t>(g_.out_channels), [&](size_t i, int) {
        const int64_t channel = static_cast<int64_t>(i);
        T* y = args.out<T>(0) + (image * g_.out_channels + channel) * plane;
        std::fill(y, y + plane, bias != nullptr ? bias[channel] : T{0});
        kernels::AddColumns(g_.window, columns + channel * g_.window.n_taps() * positions, y,
                            *args.parallel);
      });
    }
    return OkStatus();
  }

 private:
  uint64_t ColumnBytes() const {
    const int64_t n = g_.out_channels * g_.window.n_taps() * g_.window.out_size();
    return (static_cast<uint64_t>(n) * sizeof(T) + 63) / 64 * 64;
  }

  const Geometry g_;
  const ProductBatch<T> product_;  // of one image: the columns of every group
};

Result<CompiledPtr> CompileConvTranspose(const CompileContext& context) {
  const DType dtype = context.InputType(kX);
  if (dtype == DType::kFloat16 || dtype == DType::kBfloat16) {
    return CompileWidened(context, CompileConvTranspose);
  }
  const Shape x = context.InputShape(kX), w = context.InputShape(kW), y = context.OutputShape(0);
  WNN_ASSIGN_OR_RETURN(Attributes a, ReadAttributes(context, std::span(w).subspan(2)));
  ConvTransposeOp<float>::Geometry g;
  g.batch = x[0];
  g.in_channels = x[1];
  g.out_channels = y[1];
  g.groups = a.groups;
  const size_t rank = x.size() - 2, first = kernels::kMaxSpatialRank - rank;
  for (size_t d = 0; d < rank; ++d) {
    WNN_ASSIGN_OR_RETURN(Extent extent, ExtentOf(a, d, x[d + 2]));
    g.window.in[first + d] = extent.out;
    g.window.out[first + d] = x[d + 2];
    g.window.kernel[first + d] = a.window.kernel[d];
    g.window.stride[first + d] = a.window.strides[d];
    g.window.dilation[first + d] = a.window.dilations[d];
    g.window.pad_begin[first + d] = extent.pad_begin;
  }
  const auto columns =
      ElementCount(std::array{g.out_channels, g.window.n_taps(), g.window.out_size()});
  if (!columns || *columns > graph::kMaxExtent) return TooLarge("the columns are too large");
  if (dtype == DType::kFloat) return CompiledPtr(std::make_unique<ConvTransposeOp<float>>(g));
  ConvTransposeOp<double>::Geometry wide{g.batch, g.in_channels, g.out_channels, g.groups,
                                         g.window};
  return CompiledPtr(std::make_unique<ConvTransposeOp<double>>(wide));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "ConvTranspose",
     .inputs = {2, 3},
     .infer = InferConvTranspose,
     .compile = CompileConvTranspose},
});

}  // namespace

std::span<const OpDef> ConvTransposeOps() { return kOps; }

}  // namespace wnn::ops
