#include "engine/ops/quantized_conv_terms.h"

#include <algorithm>
#include <array>
#include <vector>

#include "engine/base/stop_check.h"
#include "engine/ops/quantized.h"
#include "engine/ops/shape_math.h"

namespace wnn::ops {
namespace {

// The inputs that terms depend on, the weights apart.
std::array<size_t, 6> TermInputs(const QuantizedConvInputs& at) {
  return {at.bias, at.x_scale, at.w_scale, at.y_scale, at.x_zero, at.w_zero};
}

bool HasMany(const CompileContext& context, size_t i) {
  return context.HasInput(i) && ShapeProduct(context.InputShape(i)) > 1;
}

}  // namespace

QuantizedConvTermMaker::QuantizedConvTermMaker(const CompileContext& context,
                                               const QuantizedConvInputs& at, int64_t channels)
    : at_(&at),
      channels_(channels),
      x_signed_(context.InputType(at.x) == DType::kInt8),
      w_signed_(context.InputType(at.w) == DType::kInt8),
      per_channel_scale_(HasMany(context, at.w_scale)),
      per_channel_zero_(HasMany(context, at.w_zero)) {}

Result<QuantizedConvTermMaker> QuantizedConvTermMaker::Create(const CompileContext& context,
                                                              const QuantizedConvInputs& at,
                                                              int64_t channels,
                                                              const int32_t* weight_sums) {
  QuantizedConvTermMaker maker(context, at, channels);
  const std::array<size_t, 6> inputs = TermInputs(at);
  maker.is_constant_ = weight_sums != nullptr && std::ranges::all_of(inputs, [&](size_t i) {
                         return !context.HasInput(i) || context.InputConstant(i);
                       });
  if (!maker.is_constant_) return maker;
  WNN_ASSIGN_OR_RETURN(maker.memory_,
                       AlignedBuffer::Allocate(static_cast<size_t>(3 * maker.TermBytes())));
  std::vector<const std::byte*> data(context.n_inputs(), nullptr);
  for (const size_t i : inputs) {
    if (context.HasInput(i)) data[i] = context.InputConstant(i)->bytes().data();
  }
  const RunArgs constants{.inputs = data, .outputs = {}, .parallel = &context.stop()};
  maker.constant_ = maker.Compute(constants, weight_sums, maker.memory_.data());
  WNN_RETURN_IF_ERROR(context.stop().Check());
  return maker;
}

QuantizedConvTerms QuantizedConvTermMaker::Make(const RunArgs& run, const int32_t* weight_sums,
                                                std::byte* scratch) const {
  return is_constant_ ? constant_ : Compute(run, weight_sums, scratch);
}

QuantizedConvTerms QuantizedConvTermMaker::Compute(const RunArgs& run, const int32_t* weight_sums,
                                                   std::byte* memory) const {
  auto* add = reinterpret_cast<int32_t*>(memory);
  auto* zero = reinterpret_cast<int32_t*>(memory + TermBytes());
  auto* scale = reinterpret_cast<float*>(memory + 2 * TermBytes());
  const int64_t x_zero = ZeroPointAt(run, at_->x_zero, 0, x_signed_) + (x_signed_ ? 128 : 0);
  const int32_t* bias = run.in<int32_t>(at_->bias);
  const float* w_scale = run.in<float>(at_->w_scale);
  bool any_zero = false;
  StopCheck check(*run.parallel);
  for (int64_t m = 0; m < channels_; ++m) {
    if (check.Stopped(10)) return {};
    zero[m] =
        ZeroPointAt(run, at_->w_zero, per_channel_zero_ ? m : 0, w_signed_) - (w_signed_ ? 0 : 128);
    any_zero = any_zero || zero[m] != 0;
    const int64_t offset = (bias != nullptr ? bias[m] : 0) - x_zero * weight_sums[m];
    add[m] = static_cast<int32_t>(offset);  // wraps, as the sums do
    if (w_scale != nullptr) {
      scale[m] = *run.in<float>(at_->x_scale) * w_scale[per_channel_scale_ ? m : 0] /
                 *run.in<float>(at_->y_scale);
    }
  }
  return {add, any_zero ? zero : nullptr, w_scale != nullptr ? scale : nullptr};
}

}  // namespace wnn::ops
