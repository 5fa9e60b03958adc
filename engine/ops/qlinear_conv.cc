// QLinearConv and ConvInteger: convolution of 8-bit integers.
#include <array>
#include <cstring>

#include "engine/base/first_touch.h"
#include "engine/kernels/quantized/quad_conv.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/conv_geometry.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/quantized_conv_terms.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr QuantizedConvInputs kIntegerInputs = {.x = 0, .w = 1, .x_zero = 2, .w_zero = 3};

bool IsInteger(const OpContext& context) { return context.op_type() == "ConvInteger"; }

const QuantizedConvInputs& InputsOf(const OpContext& context) {
  return IsInteger(context) ? kIntegerInputs : kQLinearConvInputs;
}

Status InferQuantizedConv(InferContext& context) {
  const QuantizedConvInputs& at = InputsOf(context);
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

class QuantizedConvOp final : public CompiledOp {
 public:
  struct Parameters {
    kernels::ConvGeometry shape;
    const QuantizedConvInputs* at = nullptr;
    bool x_signed = false, w_signed = false, y_signed = false;
  };

  // `conv` is null if the weights are not constant.
  QuantizedConvOp(const Parameters& p, QuantizedConvTermMaker terms,
                  std::shared_ptr<const kernels::QuadConv> conv)
      : p_(p), terms_(std::move(terms)), conv_(std::move(conv)) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return terms_.ScratchBytes() + (conv_ ? conv_->ScratchBytes(n_threads) : 0);
  }

  Status Run(const RunArgs& run) const override {
    if (conv_) return RunWith(*conv_, run.scratch + terms_.ScratchBytes(), run);
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
  Status RunWith(const kernels::QuadConv& conv, std::byte* scratch, const RunArgs& run) const {
    const QuantizedConvInputs& at = *p_.at;
    const QuantizedConvTerms terms = terms_.Make(run, conv.weight_sums().data(), run.scratch);
    if (terms.add == nullptr) return OkStatus();  // stopped
    kernels::QuadEpilogue e;
    e.row_add = terms.add;
    e.row_zero = terms.zero;
    e.row_scale = terms.scale;
    if (terms.scale != nullptr) {
      e.output = p_.y_signed ? kernels::QuadEpilogue::Output::kInt8
                             : kernels::QuadEpilogue::Output::kUint8;
      e.zero_point = ZeroPointAt(run, at.y_zero, 0, p_.y_signed);
    }
    const int32_t x_zero = ZeroPointAt(run, at.x_zero, 0, p_.x_signed) + (p_.x_signed ? 128 : 0);
    conv.Run({run.inputs[at.x], p_.x_signed, static_cast<uint8_t>(x_zero)}, e, run.outputs[0],
             scratch, *run.parallel);
    return OkStatus();
  }

  const Parameters p_;
  const QuantizedConvTermMaker terms_;
  const std::shared_ptr<const kernels::QuadConv> conv_;
};

Result<CompiledPtr> CompileQuantizedConv(const CompileContext& context) {
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  QuantizedConvOp::Parameters p;
  p.at = &InputsOf(context);
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
  WNN_ASSIGN_OR_RETURN(QuantizedConvTermMaker terms,
                       QuantizedConvTermMaker::Create(context, *p.at, p.shape.out_channels,
                                                      conv ? conv->weight_sums().data() : nullptr));
  return CompiledPtr(std::make_unique<QuantizedConvOp>(p, std::move(terms), std::move(conv)));
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
