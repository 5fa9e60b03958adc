#include "engine/ops/conv_spec.h"

#include <algorithm>

namespace wnn::ops {
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

}  // namespace wnn::ops
