#include "engine/kernels/blocked/conv.h"

#include <string>

#include "engine/kernels/blocked/conv_impl.h"

namespace wnn::kernels {
namespace {

// Bounds that keep every product of sizes inside int64: each is checked once, here.
constexpr int64_t kMaxSize = int64_t{1} << 30;
constexpr double kMaxFloats = 0x1p48;

bool IsSize(int64_t n) { return n >= 1 && n <= kMaxSize; }

// Channels of an input up to which reading NCHW directly beats blocking it first.
constexpr int64_t kFirstLayerChannels = 8;

// A row of outputs is computed in one go: it must not take long.
constexpr int64_t kMaxFirstLayerTaps = 512;

bool IsDepthwise(const ConvSpec& spec) {
  return spec.groups > 1 && spec.groups == spec.in_channels && spec.groups == spec.out_channels;
}

bool IsPointwise(const ConvSpec& spec) { return spec.kernel_h == 1 && spec.kernel_w == 1; }

bool HasStride(const ConvSpec& spec) { return spec.stride_h != 1 || spec.stride_w != 1; }
bool HasDilation(const ConvSpec& spec) { return spec.dilation_h != 1 || spec.dilation_w != 1; }

Status CheckSpec(const ConvSpec& spec) {
  for (int64_t size :
       {spec.in_channels, spec.out_channels, spec.groups, spec.kernel_h, spec.kernel_w,
        spec.stride_h, spec.stride_w, spec.dilation_h, spec.dilation_w}) {
    if (!IsSize(size)) {
      return InvalidArgument(
          "a convolution's channels, groups, kernel, strides and dilations must "
          "be between 1 and 2^30, got " +
          std::to_string(size));
    }
  }
  if (spec.in_channels % spec.groups != 0 || spec.out_channels % spec.groups != 0) {
    return InvalidArgument("a convolution's groups (" + std::to_string(spec.groups) +
                           ") must divide its channels");
  }
  const double floats = static_cast<double>(spec.out_channels + kBlock) *
                        static_cast<double>(spec.in_channels / spec.groups) *
                        static_cast<double>(spec.kernel_h) * static_cast<double>(spec.kernel_w);
  // Winograd's weights are four times the originals.
  if (floats > kMaxFloats / 4) return TooLarge("a convolution's weights are too many to address");
  return OkStatus();
}

double Area(int64_t channels, int64_t height, int64_t width) {
  return static_cast<double>(channels + kBlock) * static_cast<double>(height) *
         static_cast<double>(width);
}

}  // namespace

Status CheckConvShape(const ConvSpec& spec, const ConvShape& shape) {
  for (int64_t size : {shape.batch, shape.in_h, shape.in_w, shape.out_h, shape.out_w}) {
    if (!IsSize(size)) {
      return InvalidArgument(
          "a convolution's batch, input and output sizes must be between 1 and "
          "2^30, got " +
          std::to_string(size));
    }
  }
  for (int64_t pad : {shape.pad_top, shape.pad_left, shape.pool_pad_top, shape.pool_pad_left}) {
    if (pad < 0 || pad > kMaxSize) {
      return InvalidArgument("a convolution's padding must be between 0 and 2^30, got " +
                             std::to_string(pad));
    }
  }
  const auto padded = [](int64_t out, int64_t stride, int64_t kernel, int64_t dilation) {
    return (out - 1) * stride + (kernel - 1) * dilation + 1;  // each factor is below 2^30
  };
  const double batch = static_cast<double>(shape.batch);
  const int64_t padded_h =
      std::max(shape.pad_top + shape.in_h,
               padded(shape.out_h, spec.stride_h, spec.kernel_h, spec.dilation_h));
  const int64_t padded_w =
      std::max(shape.pad_left + shape.in_w,
               padded(shape.out_w, spec.stride_w, spec.kernel_w, spec.dilation_w));
  if (batch * Area(spec.in_channels, shape.in_h, shape.in_w) > kMaxFloats ||
      batch * Area(spec.out_channels, shape.out_h, shape.out_w) > kMaxFloats ||
      batch * Area(spec.in_channels, padded_h, padded_w) > kMaxFloats) {
    return TooLarge("a convolution's feature maps are too large to address");
  }
  if (spec.pool) {
    if (!IsSize(shape.pool_out_h) || !IsSize(shape.pool_out_w)) {
      return InvalidArgument(
          "the output sizes of a pooling behind a convolution must be between 1 "
          "and 2^30");
    }
    if (batch * Area(spec.out_channels, shape.pool_out_h, shape.pool_out_w) > kMaxFloats) {
      return TooLarge("a pooling's output is too large to address");
    }
  }
  return OkStatus();
}

Status SupportsConv(ConvAlgorithm algorithm, const ConvSpec& spec) {
  WNN_RETURN_IF_ERROR(CheckSpec(spec));
  const auto refuse = [](const char* name, const char* needs) {
    return InvalidArgument(std::string("the ") + name + " convolution kernel needs " + needs);
  };
  if (spec.global_average && algorithm != ConvAlgorithm::kPointwise) {
    return refuse("pointwise", "to be chosen where an average is fused");
  }
  if ((spec.pool || !spec.pad_values.empty()) && algorithm != ConvAlgorithm::kFirstLayer) {
    return refuse("first-layer", "to be chosen where a pooling or padding values are fused");
  }
  switch (algorithm) {
    case ConvAlgorithm::kPointwise:
      if (!IsPointwise(spec)) return refuse("pointwise", "a 1x1 kernel");
      return OkStatus();
    case ConvAlgorithm::kDirect: return OkStatus();
    case ConvAlgorithm::kWinograd2:
    case ConvAlgorithm::kWinograd4:
      if (spec.groups != 1 || spec.kernel_h != 3 || spec.kernel_w != 3 || HasStride(spec) ||
          HasDilation(spec)) {
        return refuse("Winograd", "a 3x3 kernel, strides and dilations of 1 and one group");
      }
      return OkStatus();
    case ConvAlgorithm::kDepthwise:
      if (!IsDepthwise(spec)) return refuse("depthwise", "one group a channel");
      return OkStatus();
    case ConvAlgorithm::kFirstLayer:
      if (spec.groups != 1 || HasDilation(spec)) {
        return refuse("first-layer", "one group and dilations of 1");
      }
      if (spec.kernel_h > kMaxFirstLayerTaps / spec.kernel_w) {
        return refuse("first-layer", "a kernel of a few hundred places at most");
      }
      if (!spec.pad_values.empty() &&
          spec.pad_values.size() != static_cast<size_t>(spec.in_channels)) {
        return refuse("first-layer", "one padding value a channel, or none");
      }
      if (spec.pool && (!IsSize(spec.pool->kernel_h) || !IsSize(spec.pool->kernel_w) ||
                        !IsSize(spec.pool->stride_h) || !IsSize(spec.pool->stride_w))) {
        return refuse("first-layer", "a pooling kernel and strides between 1 and 2^30");
      }
      return OkStatus();
  }
  return Internal("unknown convolution algorithm");
}

Result<std::unique_ptr<const Conv>> Conv::Create(ConvAlgorithm algorithm, const ConvSpec& spec,
                                                 std::span<const float> weights,
                                                 std::span<const float> bias, Parallel& stop) {
  WNN_RETURN_IF_ERROR(SupportsConv(algorithm, spec));
  const int64_t n_weights =
      spec.out_channels * (spec.in_channels / spec.groups) * spec.kernel_h * spec.kernel_w;
  if (weights.size() != static_cast<size_t>(n_weights)) {
    return InvalidArgument("a convolution's weights hold " + std::to_string(weights.size()) +
                           " values where its kernel needs " + std::to_string(n_weights));
  }
  if (!bias.empty() && bias.size() != static_cast<size_t>(spec.out_channels)) {
    return InvalidArgument("a convolution's bias holds " + std::to_string(bias.size()) +
                           " values for " + std::to_string(spec.out_channels) + " channels");
  }
  switch (algorithm) {
    case ConvAlgorithm::kPointwise: return NewPointwiseConv(spec, weights, bias, stop);
    case ConvAlgorithm::kDirect: return NewDirectConv(spec, weights, bias, stop);
    case ConvAlgorithm::kWinograd2:
    case ConvAlgorithm::kWinograd4: return NewWinogradConv(algorithm, spec, weights, bias, stop);
    case ConvAlgorithm::kDepthwise: return NewDepthwiseConv(spec, weights, bias, stop);
    case ConvAlgorithm::kFirstLayer: return NewFirstLayerConv(spec, weights, bias, stop);
  }
  return Internal("unknown convolution algorithm");
}

Result<size_t> Conv::ScratchBytes(const ConvShape& shape, int n_threads) const {
  WNN_RETURN_IF_ERROR(CheckConvShape(spec_, shape));
  return ScratchFor(shape, n_threads);
}

std::optional<ConvAlgorithm> ChooseConvAlgorithm(const ConvSpec& spec, const ConvShape& shape,
                                                 const ConvChoice& choice) {
  const auto can = [&](ConvAlgorithm a) { return SupportsConv(a, spec).ok(); };
  if (choice.input_is_nchw && spec.in_channels <= kFirstLayerChannels &&
      can(ConvAlgorithm::kFirstLayer)) {
    return ConvAlgorithm::kFirstLayer;
  }
  if (can(ConvAlgorithm::kDepthwise)) return ConvAlgorithm::kDepthwise;
  if (can(ConvAlgorithm::kPointwise)) return ConvAlgorithm::kPointwise;
  // Winograd loses to its transforms below 16 channels, and 4x4 tiles to their waste on small maps
  // (measured: 7x7 maps prefer 2x2 tiles, 12x12 and larger 4x4).
  if (choice.allow_winograd && spec.in_channels >= kBlock && spec.out_channels >= kBlock &&
      can(ConvAlgorithm::kWinograd4)) {
    const int64_t smaller = std::min(shape.out_h, shape.out_w);
    if (smaller >= 12) return ConvAlgorithm::kWinograd4;
    if (smaller >= 4) return ConvAlgorithm::kWinograd2;
  }
  if (can(ConvAlgorithm::kDirect)) return ConvAlgorithm::kDirect;
  return std::nullopt;
}

}  // namespace wnn::kernels
