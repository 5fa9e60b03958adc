// wnn.ChannelsLastQLinearConv and wnn.ChannelsLastMaxPool: ONNX's QLinearConv and MaxPool on bytes
// [N, H, W, C], with the attributes and, but for the first, the inputs of ONNX's. With the
// attribute channels_first_input, a convolution reads [N, C, H, W].
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/quantized/channels_last_conv.h"
#include "engine/kernels/reference/parallel_for.h"
#include "engine/ops/blocked_conv_node.h"
#include "engine/ops/conv_geometry.h"
#include "engine/ops/families.h"
#include "engine/ops/quantized.h"
#include "engine/ops/quantized_conv_terms.h"
#include "engine/ops/shape_math.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {
namespace {

using CompiledPtr = std::unique_ptr<const CompiledOp>;

constexpr size_t kX = 0, kXZero = 2, kW = 3, kYZero = 7;

// [N, H, W, C] as [N, C, H, W], and back.
template <typename T>
std::vector<T> ChannelsFirst(const std::vector<T>& dims) {
  return {dims[0], dims[3], dims[1], dims[2]};
}
template <typename T>
std::vector<T> ChannelsLast(const std::vector<T>& dims) {
  return {dims[0], dims[2], dims[3], dims[1]};
}

Status RequireByteMap(const OpContext& context) {
  WNN_RETURN_IF_ERROR(context.RequireType(kX, kByteSet));
  const Fact& x = context.Input(kX);
  if (x.has_rank && x.rank() == 4) return OkStatus();
  return InvalidArgument("input " + x.ToString() + " is not a map with its channels last");
}

// ---- Convolution

using Conv = kernels::ChannelsLastConv;

Result<Conv::InputLayout> ReadLayout(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(int64_t first, context.attributes().Int("channels_first_input", 0));
  return first != 0 ? Conv::InputLayout::kChannelsFirst : Conv::InputLayout::kChannelsLast;
}

Status InferConv(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireByteMap(context));
  WNN_ASSIGN_OR_RETURN(Conv::InputLayout layout, ReadLayout(context));
  Fact x = context.Input(kX);
  if (layout == Conv::InputLayout::kChannelsLast) x.dims = ChannelsFirst(x.dims);
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> dims, ConvOutputDims(context, x, context.Input(kW)));
  context.SetOutput(0, Fact::Ranked(context.Input(kYZero).dtype, ChannelsLast(dims)));
  return OkStatus();
}

class ConvOp final : public CompiledOp {
 public:
  ConvOp(std::shared_ptr<const Conv> conv, QuantizedConvTermMaker terms, bool x_signed,
         bool y_signed)
      : conv_(std::move(conv)),
        terms_(std::move(terms)),
        x_signed_(x_signed),
        y_signed_(y_signed) {}

  uint64_t ScratchBytes(int n_threads) const override {
    return terms_.ScratchBytes() + conv_->ScratchBytes(n_threads);
  }

  Status Run(const RunArgs& run) const override {
    const QuantizedConvTerms terms = terms_.Make(run, conv_->weight_sums().data(), run.scratch);
    if (terms.add == nullptr) return OkStatus();  // stopped
    // The pass that makes this operator sees to it that terms.zero is null.
    const kernels::ByteEpilogue epilogue{terms.add, terms.scale,
                                         ZeroPointAt(run, kYZero, 0, y_signed_), y_signed_};
    const auto padding = static_cast<uint8_t>(ZeroPointAt(run, kXZero, 0, x_signed_));
    conv_->Run({run.inputs[kX], x_signed_, padding}, epilogue, run.outputs[0],
               run.scratch + terms_.ScratchBytes(), *run.parallel);
    return OkStatus();
  }

 private:
  const std::shared_ptr<const Conv> conv_;
  const QuantizedConvTermMaker terms_;
  const bool x_signed_, y_signed_;
};

Result<CompiledPtr> CompileConv(const CompileContext& context) {
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  const TensorPtr& weights = context.InputConstant(kW);
  if (!weights) return InvalidArgument("its weights must be constant");
  WNN_ASSIGN_OR_RETURN(Conv::InputLayout layout, ReadLayout(context));
  Shape x = context.InputShape(kX);
  if (layout == Conv::InputLayout::kChannelsLast) x = ChannelsFirst(x);
  WNN_ASSIGN_OR_RETURN(kernels::ConvGeometry shape,
                       ReadConvGeometry(context, x, context.InputShape(kW)));
  if (!Conv::Fits(shape, layout)) {
    return Unsupported("no kernel does this convolution on maps with their channels last");
  }
  const bool w_signed = context.InputType(kW) == DType::kInt8;
  PackKey key("channels-last conv");
  const kernels::Window& w = shape.window;
  key.Add(layout, shape.batch, shape.in_channels, shape.out_channels, shape.groups);
  key.Add(w.in, w.out, w.kernel, w.stride, w.dilation, w.pad_begin, w.pad_end);
  WNN_ASSIGN_OR_RETURN(
      std::shared_ptr<const Conv> conv, context.PackObject<Conv>(kW, key.key(), [&] {
        return Conv::Create(shape, {weights->bytes().data(), w_signed}, layout, context.stop());
      }));
  WNN_ASSIGN_OR_RETURN(
      QuantizedConvTermMaker terms,
      QuantizedConvTermMaker::Create(context, kQLinearConvInputs, shape.out_channels,
                                     conv->weight_sums().data()));
  return CompiledPtr(std::make_unique<ConvOp>(std::move(conv), std::move(terms),
                                              context.InputType(kX) == DType::kInt8,
                                              context.Output(0).dtype == DType::kInt8));
}

// ---- Pooling

Status InferMaxPool(InferContext& context) {
  WNN_RETURN_IF_ERROR(RequireByteMap(context));
  std::vector<Dim> dims = context.Input(kX).dims;
  WNN_ASSIGN_OR_RETURN(WindowAttributes window, ParseWindowAttributes(context, 2, {}));
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> out,
                       WindowOutputDims(window, std::span(dims).subspan(1, 2)));
  dims[1] = out[0];
  dims[2] = out[1];
  context.SetOutput(0, Fact::Ranked(context.Input(kX).dtype, std::move(dims)));
  return OkStatus();
}

class MaxPoolOp final : public CompiledOp {
 public:
  MaxPoolOp(const kernels::Window& window, int64_t batch, int64_t channels, bool is_signed)
      : window_(window), batch_(batch), channels_(channels), is_signed_(is_signed) {}

  Status Run(const RunArgs& run) const override {
    const kernels::Window& w = window_;
    const int64_t line = w.out[2] * channels_;
    const int64_t grain = std::max<int64_t>(kernels::kElementsPerTask / line, 1);
    kernels::ForRanges(*run.parallel, batch_ * w.out[1], grain, [&](int64_t begin, int64_t end) {
      StopCheck check(*run.parallel);
      for (int64_t i = begin; i < end; ++i) {
        RunLine(i % w.out[1], run.in<uint8_t>(kX) + i / w.out[1] * w.in_size() * channels_,
                run.out<uint8_t>(0) + i * line, check);
      }
    });
    return OkStatus();
  }

 private:
  void RunLine(int64_t oy, const uint8_t* image, uint8_t* to, StopCheck& check) const {
    const kernels::Window& w = window_;
    const kernels::Range rows = kernels::TapsInside(w, 1, oy);
    for (int64_t ox = 0; ox < w.out[2]; ++ox, to += channels_) {
      const kernels::Range columns = kernels::TapsInside(w, 2, ox);
      if (check.Stopped(channels_ / 16 * rows.size() * columns.size())) return;
      std::array<const uint8_t*, 32> taps;
      size_t n = 0;
      const auto flush = [&] {
        kernels::MaxOfPixels(taps.data(), static_cast<int64_t>(n), channels_, is_signed_, to);
        taps[0] = to;
        n = 1;
      };
      for (int64_t ky = rows.begin; ky < rows.end; ++ky) {
        for (int64_t kx = columns.begin; kx < columns.end; ++kx) {
          const int64_t y = oy * w.stride[1] - w.pad_begin[1] + ky * w.dilation[1];
          const int64_t x = ox * w.stride[2] - w.pad_begin[2] + kx * w.dilation[2];
          if (n == taps.size()) flush();
          taps[n++] = image + (y * w.in[2] + x) * channels_;
        }
      }
      if (n == 0) {  // a window in the padding
        std::memset(to, is_signed_ ? 0x80 : 0, static_cast<size_t>(channels_));
      } else {
        flush();
      }
    }
  }

  const kernels::Window window_;
  const int64_t batch_, channels_;
  const bool is_signed_;
};

Result<CompiledPtr> CompileMaxPool(const CompileContext& context) {
  const Shape x = context.InputShape(kX);
  if (IsEmpty(context.OutputShape(0))) return CompiledPtr(std::make_unique<EmptyOp>());
  WNN_ASSIGN_OR_RETURN(WindowAttributes attributes, ParseWindowAttributes(context, 2, {}));
  WNN_ASSIGN_OR_RETURN(kernels::Window window, MakeWindow(attributes, std::span(x).subspan(1, 2)));
  return CompiledPtr(
      std::make_unique<MaxPoolOp>(window, x[0], x[3], context.InputType(kX) == DType::kInt8));
}

constexpr auto kOps = std::to_array<OpDef>({
    {.domain = kOwnDomain,
     .name = "ChannelsLastQLinearConv",
     .inputs = {8, 9},
     .infer = InferConv,
     .compile = CompileConv},
    {.domain = kOwnDomain,
     .name = "ChannelsLastMaxPool",
     .infer = InferMaxPool,
     .compile = CompileMaxPool},
});

}  // namespace

std::span<const OpDef> ChannelsLastOps() { return kOps; }

}  // namespace wnn::ops
