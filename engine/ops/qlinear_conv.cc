// QLinearConv and ConvInteger: convolution of 8-bit integers.
#include <array>
#include <cstring>

#include "engine/base/first_touch.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/quantized/quad_conv.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/conv_geometry.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

// Where an operator has its inputs; kNone where it has none of the kind.
constexpr size_t kNone = SIZE_MAX;
struct Layout {
  size_t x = 0, w = 0, bias = kNone;
  size_t x_scale = kNone, w_scale = kNone, y_scale = kNone;
  size_t x_zero = kNone, w_zero = kNone, y_zero = kNone;
};
constexpr Layout kQLinear = {.x = 0,
                             .w = 3,
                             .bias = 8,
                             .x_scale = 1,
                             .w_scale = 4,
                             .y_scale = 6,
                             .x_zero = 2,
                             .w_zero = 5,
                             .y_zero = 7};
constexpr Layout kInteger = {.x = 0, .w = 1, .x_zero = 2, .w_zero = 3};

bool IsInteger(const OpContext& context) { return context.op_type() == "ConvInteger"; }

Status InferQuantizedConv(InferContext& context) {
  const Layout& at = IsInteger(context) ? kInteger : kQLinear;
  for (size_t i : {at.x, at.w}) WNN_RETURN_IF_ERROR(context.RequireType(i, kByteSet));
  WNN_RETURN_IF_ERROR(context.RequireSameType(at.x, at.x_zero));
  WNN_RETURN_IF_ERROR(context.RequireSameType(at.w, at.w_zero));
  const Fact &x = context.Input(at.x), &w = context.Input(at.w);
  const Dim channels = w.has_rank && w.rank() > 0 ? w.dims[0] : graph::UnknownDim();
  DType dtype = DType::kInt32;
  WNN_RETURN_IF_ERROR(RequireCount(context, at.x_zero, graph::KnownDim(1)));
  WNN_RETURN_IF_ERROR(RequireCount(context, at.w_zero, channels));
  if (!IsInteger(context)) {
    for (size_t i : {at.x_scale, at.w_scale, at.y_scale}) {
      WNN_RETURN_IF_ERROR(context.RequireType(i, {DType::kFloat}));
    }
    WNN_RETURN_IF_ERROR(context.RequireType(at.y_zero, kByteSet));
    WNN_RETURN_IF_ERROR(context.RequireType(at.bias, {DType::kInt32}));
    for (size_t i : {at.x_scale, at.y_scale, at.y_zero}) {
      WNN_RETURN_IF_ERROR(RequireCount(context, i, graph::KnownDim(1)));
    }
    WNN_RETURN_IF_ERROR(RequireCount(context, at.w_scale, channels));
    if (context.HasInput(at.bias)) {
      WNN_RETURN_IF_ERROR(CheckConvBias(context.Input(at.bias), channels));
    }
    dtype = context.Input(at.y_zero).dtype;
  }
  if (!x.has_rank || !w.has_rank) {
    context.SetOutput(0, Fact::Unranked(dtype));
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, ConvOutputDims(context, x, w));
  context.SetOutput(0, Fact::Ranked(dtype, std::move(dims)));
  return OkStatus();
}

constexpr uint64_t kMaxUnplannedBytes = uint64_t{64} << 20;

// Scales and zero points are read in every run: a model may compute them.
class QuantizedConvOp final : public CompiledOp {
 public:
  struct Parameters {
    kernels::ConvGeometry shape;
    const Layout* at = nullptr;
    bool x_signed = false, w_signed = false, y_signed = false;
    bool per_channel_scale = false, per_channel_zero = false;
  };

  // `conv` is null if the weights are not constant.
  QuantizedConvOp(const Parameters& p, std::shared_ptr<const kernels::QuadConv> conv)
      : p_(p), conv_(std::move(conv)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    const uint64_t terms = TermBytes() * 3;
    if (conv_) return terms + conv_->ScratchBytes(n_threads);
    return terms;
  }

  Status Run(const RunArgs& run) const override {
    if (conv_) return RunWith(*conv_, run.scratch + 3 * TermBytes(), run);
    // Computed weights, which only tests have: packed, and working memory found, here. It is in
    // nobody's budget, so that there must not be much.
    WNN_ASSIGN_OR_RETURN(
        auto conv,
        kernels::QuadConv::Create(p_.shape, {run.inputs[p_.at->w], p_.w_signed}, *run.parallel));
    const uint64_t scratch_bytes = conv->ScratchBytes(run.parallel->n_threads());
    if (scratch_bytes > kMaxUnplannedBytes) {
      return TooLarge("its weights are computed, and its working memory of " +
                      std::to_string(scratch_bytes) + " bytes is over the limit of " +
                      std::to_string(kMaxUnplannedBytes));
    }
    WNN_ASSIGN_OR_RETURN(AlignedBuffer scratch,
                         AlignedBuffer::Allocate(static_cast<size_t>(scratch_bytes)));
    FirstTouch(scratch.bytes(), *run.parallel);
    return RunWith(*conv, scratch.data(), run);
  }

 private:
  uint64_t TermBytes() const {
    return (static_cast<uint64_t>(p_.shape.out_channels) * 4 + 63) / 64 * 64;
  }

  Status RunWith(const kernels::QuadConv& conv, std::byte* scratch, const RunArgs& run) const {
    const Layout& at = *p_.at;
    auto* add = reinterpret_cast<int32_t*>(run.scratch);
    auto* zero = reinterpret_cast<int32_t*>(run.scratch + TermBytes());
    auto* scale = reinterpret_cast<float*>(run.scratch + 2 * TermBytes());
    const int32_t x_zero = ZeroPointAt(run, at.x_zero, 0, p_.x_signed) + (p_.x_signed ? 128 : 0);
    const int32_t* bias = run.in<int32_t>(at.bias);
    const float* w_scale = run.in<float>(at.w_scale);
    bool any_zero = false;
    StopCheck check(*run.parallel);
    for (int64_t m = 0; m < p_.shape.out_channels; ++m) {
      if (check.Stopped(10)) return OkStatus();
      zero[m] = ZeroPointAt(run, at.w_zero, p_.per_channel_zero ? m : 0, p_.w_signed) -
                (p_.w_signed ? 0 : 128);
      any_zero = any_zero || zero[m] != 0;
      const int64_t offset = (bias != nullptr ? bias[m] : 0) -
                             int64_t{x_zero} * conv.weight_sums()[static_cast<size_t>(m)];
      add[m] = static_cast<int32_t>(offset);  // wraps, as the sums do
      if (w_scale != nullptr) {
        scale[m] = *run.in<float>(at.x_scale) * w_scale[p_.per_channel_scale ? m : 0] /
                   *run.in<float>(at.y_scale);
      }
    }
    kernels::QuadEpilogue e;
    e.row_add = add;
    if (any_zero) e.row_zero = zero;
    if (w_scale != nullptr) {
      e.row_scale = scale;
      e.output = p_.y_signed ? kernels::QuadEpilogue::Output::kInt8
                             : kernels::QuadEpilogue::Output::kUint8;
      e.zero_point = ZeroPointAt(run, at.y_zero, 0, p_.y_signed);
    }
    conv.Run({run.inputs[at.x], p_.x_signed, static_cast<uint8_t>(x_zero)}, e, run.outputs[0],
             scratch, *run.parallel);
    return OkStatus();
  }

  const Parameters p_;
  const std::shared_ptr<const kernels::QuadConv> conv_;
};

Result<CompiledPtr> CompileQuantizedConv(const CompileContext& context) {
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  QuantizedConvOp::Parameters p;
  p.at = IsInteger(context) ? &kInteger : &kQLinear;
  const auto n_weights = static_cast<uint64_t>(ShapeProduct(context.InputShape(p.at->w)));
  if (!context.InputConstant(p.at->w) && n_weights > kMaxUnplannedBytes) {
    return TooLarge("its weights are computed, and their " + std::to_string(n_weights) +
                    " bytes are over the limit of " + std::to_string(kMaxUnplannedBytes));
  }
  WNN_ASSIGN_OR_RETURN(
      p.shape, ReadConvGeometry(context, context.InputShape(p.at->x), context.InputShape(p.at->w)));
  p.x_signed = context.InputType(p.at->x) == DType::kInt8;
  p.w_signed = context.InputType(p.at->w) == DType::kInt8;
  p.y_signed = context.Output(0).dtype == DType::kInt8;
  const auto many = [&](size_t i) {
    return context.HasInput(i) && ShapeProduct(context.InputShape(i)) > 1;
  };
  p.per_channel_scale = many(p.at->w_scale);
  p.per_channel_zero = many(p.at->w_zero);
  std::shared_ptr<const kernels::QuadConv> conv;
  if (const TensorPtr& weights = context.InputConstant(p.at->w)) {
    PackKey key("quad conv");
    const kernels::Window& w = p.shape.window;
    key.Add(p.shape.batch, p.shape.in_channels, p.shape.out_channels, p.shape.groups);
    key.Add(w.in, w.out, w.kernel, w.stride, w.dilation, w.pad_begin);
    WNN_ASSIGN_OR_RETURN(conv, context.PackObject<kernels::QuadConv>(p.at->w, key.key(), [&] {
      return kernels::QuadConv::Create(p.shape, {weights->bytes().data(), p.w_signed},
                                       context.stop());
    }));
  }
  return CompiledPtr(std::make_unique<QuantizedConvOp>(p, std::move(conv)));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.name = "ConvInteger",
     .since_version = 10,
     .inputs = {2, 4},
     .infer = InferQuantizedConv,
     .compile = CompileQuantizedConv},
    {.name = "QLinearConv",
     .since_version = 10,
     .inputs = {8, 9},
     .infer = InferQuantizedConv,
     .compile = CompileQuantizedConv},
});

}  // namespace

std::span<const OpDef> QLinearConvOps() { return kOps; }

}  // namespace wnn::ops
