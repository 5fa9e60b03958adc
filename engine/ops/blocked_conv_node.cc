#include "engine/ops/blocked_conv_node.h"

#include <algorithm>

#include "engine/ops/conv_spec.h"

namespace wnn::ops {
namespace {

// The pool's attributes, read as those of a MaxPool node.
Result<WindowAttributes> ReadPool(const OpContext& context) {
  graph::Node pool;
  for (std::string_view name : {"kernel_shape", "strides", "pads"}) {
    WNN_ASSIGN_OR_RETURN(std::span<const int64_t> values,
                         context.attributes().Ints("pool_" + std::string(name)));
    pool.attributes.Set(std::string(name), std::vector<int64_t>(values.begin(), values.end()));
  }
  WNN_ASSIGN_OR_RETURN(int64_t ceil_mode, context.attributes().Int("pool_ceil_mode", 0));
  pool.attributes.Set("ceil_mode", ceil_mode);
  return ParseWindowAttributes(OpContext(pool, {}), 2, {});
}

}  // namespace

Result<BlockedConvNode> BlockedConvNode::Read(const OpContext& context) {
  BlockedConvNode node;
  WNN_ASSIGN_OR_RETURN(node.spec, ReadConvSpec(context));
  WNN_ASSIGN_OR_RETURN(node.spec.clamp, ReadClamp(context));
  WNN_ASSIGN_OR_RETURN(int64_t nchw_input, context.attributes().Int("nchw_input", 0));
  node.nchw_input = nchw_input != 0;
  WNN_ASSIGN_OR_RETURN(int64_t average, context.attributes().Int("global_average", 0));
  node.spec.global_average = average != 0;
  WNN_ASSIGN_OR_RETURN(std::span<const float> pads, context.attributes().Floats("pad_values"));
  node.spec.pad_values.assign(pads.begin(), pads.end());
  const int64_t kernel[] = {node.spec.kernel_h, node.spec.kernel_w};
  WNN_ASSIGN_OR_RETURN(node.window, ParseWindowAttributes(context, 2, kernel));
  if (context.attributes().Has("pool_kernel_shape")) {
    WNN_ASSIGN_OR_RETURN(node.pool, ReadPool(context));
    node.spec.pool = kernels::PoolTail{node.pool->kernel[0], node.pool->kernel[1],
                                       node.pool->strides[0], node.pool->strides[1]};
  }
  return node;
}

Status BlockedConvNode::CheckInput(const Fact& x) const {
  const bool fits = nchw_input ? x.dtype == DType::kFloat && x.has_rank && x.rank() == 4 &&
                                     x.dims[1].value == spec.in_channels
                               : IsBlocked(x, spec.in_channels);
  if (fits) return OkStatus();
  return InvalidArgument("input " + x.ToString() + " does not fit weights of " +
                         std::to_string(spec.in_channels) + " channels");
}

Result<Fact> BlockedConvNode::OutputFact(const Fact& x) const {
  WNN_ASSIGN_OR_RETURN(std::vector<Dim> out,
                       WindowOutputDims(window, std::span(x.dims).subspan(2, 2)));
  if (pool) {
    WNN_ASSIGN_OR_RETURN(out, WindowOutputDims(*pool, out));
  }
  if (spec.global_average) out = {graph::KnownDim(1), graph::KnownDim(1)};
  return BlockedFact(x.dims[0], spec.out_channels, out[0], out[1]);
}

Result<kernels::ConvShape> BlockedConvNode::ShapeFor(const Shape& x) const {
  WNN_ASSIGN_OR_RETURN(kernels::Window outer, MakeWindow(window, std::span(x).subspan(2, 2)));
  kernels::ConvShape shape;
  shape.batch = x[0];
  shape.in_h = x[2];
  shape.in_w = x[3];
  shape.pad_top = outer.pad_begin[1];
  shape.pad_left = outer.pad_begin[2];
  shape.out_h = outer.out[1];
  shape.out_w = outer.out[2];
  if (pool) {
    const int64_t in[] = {shape.out_h, shape.out_w};
    WNN_ASSIGN_OR_RETURN(kernels::Window inner, MakeWindow(*pool, in));
    shape.pool_pad_top = inner.pad_begin[1];
    shape.pool_pad_left = inner.pad_begin[2];
    shape.pool_out_h = inner.out[1];
    shape.pool_out_w = inner.out[2];
  }
  return shape;
}

Status RequireConstantWeights(const CompileContext& context, size_t weights) {
  for (size_t i : {weights, weights + 1}) {
    const bool optional = i != weights;
    if (context.HasInput(i) ? context.InputConstant(i) != nullptr : optional) continue;
    return InvalidArgument("input " + std::to_string(i) + " must be a constant");
  }
  return OkStatus();
}

std::span<const float> FloatsOf(const TensorPtr& tensor) {
  if (!tensor) return {};
  return {reinterpret_cast<const float*>(tensor->bytes().data()),
          tensor->bytes().size() / sizeof(float)};
}

PackKey& PackKey::AddSpec(const kernels::ConvSpec& spec) {
  Add(spec.in_channels, spec.out_channels, spec.groups, spec.kernel_h, spec.kernel_w);
  Add(spec.stride_h, spec.stride_w, spec.dilation_h, spec.dilation_w);
  Add(spec.clamp.min, spec.clamp.max, spec.global_average, spec.pool.has_value());
  if (spec.pool) {
    Add(spec.pool->kernel_h, spec.pool->kernel_w, spec.pool->stride_h, spec.pool->stride_w);
  }
  for (float value : spec.pad_values) Add(value);
  return *this;
}

bool IsEmpty(const Shape& shape) { return std::find(shape.begin(), shape.end(), 0) != shape.end(); }

}  // namespace wnn::ops
