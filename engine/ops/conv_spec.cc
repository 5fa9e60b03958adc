#include "engine/ops/conv_spec.h"

#include <algorithm>
#include <cstring>

namespace wnn::ops {
namespace {

// Each merged group multiplies the work by that many, most of it by zeros.
constexpr int64_t kMaxMerged = 16;

// Whether some kernel can do it on blocked maps, whatever their size.
bool IsSupported(const kernels::ConvSpec& spec) {
  using enum kernels::ConvAlgorithm;
  return kernels::SupportsConv(kDepthwise, spec).ok() || kernels::SupportsConv(kDirect, spec).ok();
}

}  // namespace

Result<kernels::ConvSpec> ReadConvSpec(const OpContext& context) {
  const Fact& w = context.Input(1);
  if (!w.IsConcrete() || w.rank() != 4) {
    return Unsupported("weights " + w.ToString() +
                       " are not those of a two-dimensional convolution");
  }
  const Shape shape = w.ConcreteShape();
  if (*std::min_element(shape.begin(), shape.end()) < 1) {
    return InvalidArgument("weights " + w.ToString() + " are empty");
  }
  kernels::ConvSpec spec;
  WNN_ASSIGN_OR_RETURN(spec.groups, context.attributes().Int("group", 1));
  if (spec.groups < 1 || shape[0] % spec.groups != 0) {
    return InvalidArgument("weights " + w.ToString() + " do not divide into " +
                           std::to_string(spec.groups) + " groups");
  }
  WNN_ASSIGN_OR_RETURN(WindowAttributes window,
                       ParseWindowAttributes(context, 2, std::span(shape).subspan(2)));
  spec.out_channels = shape[0];
  spec.in_channels = shape[1] * spec.groups;  // at most what the weights hold
  spec.kernel_h = window.kernel[0];
  spec.kernel_w = window.kernel[1];
  spec.stride_h = window.strides[0];
  spec.stride_w = window.strides[1];
  spec.dilation_h = window.dilations[0];
  spec.dilation_w = window.dilations[1];
  return spec;
}

std::optional<int64_t> GroupsToMerge(const kernels::ConvSpec& spec) {
  for (int64_t merged = 1; merged <= std::min(kMaxMerged, spec.groups); ++merged) {
    if (spec.groups % merged == 0 && IsSupported(WithMergedGroups(spec, merged))) return merged;
  }
  return std::nullopt;
}

kernels::ConvSpec WithMergedGroups(kernels::ConvSpec spec, int64_t merged) {
  spec.groups /= merged;
  return spec;
}

Result<AlignedBuffer> MergeGroupWeights(const kernels::ConvSpec& spec, int64_t merged,
                                        std::span<const float> weights) {
  const size_t in = static_cast<size_t>(spec.in_channels / spec.groups * spec.kernel_h *
                                        spec.kernel_w);  // floats of one output channel
  const size_t out = static_cast<size_t>(spec.out_channels / spec.groups);
  const size_t n_merged = static_cast<size_t>(merged);
  WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer,
                       AlignedBuffer::AllocateZeroed(weights.size_bytes() * n_merged));
  auto* to = reinterpret_cast<float*>(buffer.data());
  for (size_t channel = 0; channel < static_cast<size_t>(spec.out_channels); ++channel) {
    const size_t place = channel / out % n_merged;  // of its group among those merged
    std::memcpy(to + (channel * n_merged + place) * in, weights.data() + channel * in,
                in * sizeof(float));
  }
  return buffer;
}

}  // namespace wnn::ops
