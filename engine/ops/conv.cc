// Conv, in single precision; 16-bit floats by way of it, double by plain loops.
#include <array>

#include "engine/kernels/packed_conv.h"
#include "engine/kernels/reference/conv_direct.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/conv_geometry.h"
#include "engine/ops/families.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/type_sets.h"
#include "engine/ops/widened.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {
namespace {

constexpr size_t kX = 0, kW = 1, kBias = 2;

Result<int64_t> ReadGroups(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t groups, context.attributes().Int("group", 1));
  if (groups < 1) {
    return InvalidArgument("attribute 'group' is " + std::to_string(groups) + ", not at least 1");
  }
  return groups;
}

Status CheckChannels(const Fact& x, const Fact& w, int64_t groups) {
  const Dim &channels = x.dims[1], &out_channels = w.dims[0], &group_channels = w.dims[1];
  if (IsKnown(channels) && IsKnown(group_channels) &&
      (channels.value % groups != 0 || channels.value / groups != group_channels.value)) {
    return InvalidArgument("input " + x.ToString() + " in " + std::to_string(groups) +
                           " groups does not fit weights " + w.ToString());
  }
  if (IsKnown(out_channels) && out_channels.value % groups != 0) {
    return InvalidArgument("weights " + w.ToString() + " do not divide into " +
                           std::to_string(groups) + " groups");
  }
  return OkStatus();
}

}  // namespace

Result<std::vector<Dim>> ConvOutputDims(const OpContext& context, const Fact& x, const Fact& w) {
  WNN_ASSIGN_OR_RETURN(int64_t groups, ReadGroups(context));
  if (x.rank() < 3 || w.rank() != x.rank()) {
    return InvalidArgument("input " + x.ToString() + " and weights " + w.ToString() +
                           " do not have the same rank of at least 3");
  }
  WNN_RETURN_IF_ERROR(CheckChannels(x, w, groups));
  std::vector<Dim> dims = {x.dims[0], w.dims[0]};
  std::span<const Dim> spatial(x.dims.begin() + 2, x.dims.end());
  if (!w.IsConcrete()) {
    dims.resize(x.rank());
    return dims;
  }
  Shape w_shape = w.ConcreteShape();
  WNN_ASSIGN_OR_RETURN(
      WindowAttributes window,
      ParseWindowAttributes(context, spatial.size(), std::span(w_shape).subspan(2)));
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> out, WindowOutputDims(window, spatial));
  dims.insert(dims.end(), out.begin(), out.end());
  return dims;
}

Status CheckConvBias(const Fact& bias, const Dim& out_channels) {
  if (!bias.has_rank || (bias.rank() == 1 && (!IsKnown(bias.dims[0]) || !IsKnown(out_channels) ||
                                              bias.dims[0].value == out_channels.value))) {
    return OkStatus();
  }
  return InvalidArgument("bias " + bias.ToString() + " does not have one number a channel");
}

Result<kernels::ConvGeometry> ReadConvGeometry(const OpContext& context, const Shape& x,
                                               const Shape& w) {
  kernels::ConvGeometry shape;
  shape.batch = x[0];
  shape.in_channels = x[1];
  shape.out_channels = w[0];
  WNN_ASSIGN_OR_RETURN(shape.groups, ReadGroups(context));
  WNN_ASSIGN_OR_RETURN(WindowAttributes attributes,
                       ParseWindowAttributes(context, x.size() - 2, std::span(w).subspan(2)));
  WNN_ASSIGN_OR_RETURN(shape.window, MakeWindow(attributes, std::span(x).subspan(2)));
  return shape;
}

namespace {

Status InferConv(InferContext& context) {
  for (size_t i : {kX, kW, kBias}) {
    WNN_RETURN_IF_ERROR(context.RequireType(i, kFloatSet));
    WNN_RETURN_IF_ERROR(context.RequireSameType(kX, i));
  }
  const Fact &x = context.Input(kX), &w = context.Input(kW);
  if (!x.has_rank || !w.has_rank) {
    context.SetOutput(0, Fact::Unranked(x.dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, ConvOutputDims(context, x, w));
  if (context.HasInput(kBias)) {
    WNN_RETURN_IF_ERROR(CheckConvBias(context.Input(kBias), w.dims[0]));
  }
  context.SetOutput(0, Fact::Ranked(x.dtype, std::move(dims)));
  return OkStatus();
}

class PackedConvOp final : public CompiledOp {
 public:
  PackedConvOp(const kernels::ConvGeometry& shape,
               std::shared_ptr<const kernels::PackedConv> weights)
      : shape_(shape), weights_(std::move(weights)) {}
  uint64_t ScratchBytes(int n_threads) const override {
    const Result<size_t> bytes = weights_->ScratchBytes(shape_, n_threads);
    return bytes ? *bytes : UINT64_MAX;
  }
  Status Run(const RunArgs& args) const override {
    const auto bytes = static_cast<size_t>(ScratchBytes(args.parallel->n_threads()));
    weights_->Run(shape_, args.in<float>(kX), args.in<float>(kBias), args.out<float>(0),
                  {args.scratch, bytes}, *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::ConvGeometry shape_;
  const std::shared_ptr<const kernels::PackedConv> weights_;
};

// By plain loops: depthwise, and where weights are computed.
class ConvOp final : public CompiledOp {
 public:
  explicit ConvOp(const kernels::ConvGeometry& shape) : shape_(shape) {}
  uint64_t ScratchBytes(int n_threads) const override {
    return kernels::ConvScratchBytes(shape_, n_threads);
  }
  Status Run(const RunArgs& args) const override {
    kernels::ConvReference(shape_, args.in<float>(kX), args.in<float>(kW), args.in<float>(kBias),
                           args.out<float>(0), reinterpret_cast<float*>(args.scratch),
                           *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::ConvGeometry shape_;
};

class DoubleConvOp final : public CompiledOp {
 public:
  explicit DoubleConvOp(const kernels::ConvGeometry& shape) : shape_(shape) {}
  Status Run(const RunArgs& args) const override {
    kernels::ConvDirect(shape_, args.in<double>(kX), args.in<double>(kW), args.in<double>(kBias),
                        args.out<double>(0), *args.parallel);
    return OkStatus();
  }

 private:
  const kernels::ConvGeometry shape_;
};

Result<std::unique_ptr<const CompiledOp>> CompileConv(const CompileContext& context) {
  if (HasHalfInput(context)) return CompileWidened(context, CompileConv);
  WNN_ASSIGN_OR_RETURN(kernels::ConvGeometry shape,
                       ReadConvGeometry(context, context.InputShape(kX), context.InputShape(kW)));
  if (context.InputType(kX) == DType::kDouble) {
    return std::unique_ptr<const CompiledOp>(std::make_unique<DoubleConvOp>(shape));
  }
  constexpr int64_t kFewOutputs = 2;  // of an input channel: a product would have too few rows
  if (!context.InputConstant(kW) || (shape.group_in() == 1 && shape.group_out() <= kFewOutputs)) {
    return std::unique_ptr<const CompiledOp>(std::make_unique<ConvOp>(shape));
  }
  const PackKey key = PackKey("Conv").Add(shape.groups, kernels::PackedConv::IsSmall(shape));
  WNN_ASSIGN_OR_RETURN(std::shared_ptr<const kernels::PackedConv> weights,
                       context.PackObject<kernels::PackedConv>(kW, key.key(), [&] {
                         return kernels::PackedConv::Create(FloatsOf(context.InputConstant(kW)),
                                                            shape, context.stop());
                       }));
  WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t scratch, weights->ScratchBytes(shape, 1));
  return std::unique_ptr<const CompiledOp>(
      std::make_unique<PackedConvOp>(shape, std::move(weights)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "Conv", .inputs = {2, 3}, .infer = InferConv, .compile = CompileConv},
});

}  // namespace

std::span<const OpDef> ConvOps() { return kOps; }

}  // namespace wnn::ops
