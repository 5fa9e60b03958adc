#include "engine/ops/window_attributes.h"

#include <algorithm>

#include "engine/kernels/range.h"

namespace wnn::ops {
namespace {

using AutoPad = WindowAttributes::AutoPad;

// Keeps products of two attributes, and sums of those with an extent, within int64.
constexpr int64_t kMaxAttribute = int64_t{1} << 30;

Result<std::vector<int64_t>> ReadInts(const OpContext& context, std::string_view name, size_t n,
                                      int64_t min, int64_t otherwise) {
  WNN_ASSIGN_OR_RETURN(std::span<const int64_t> values, context.attributes().Ints(name));
  if (values.empty()) return std::vector<int64_t>(n, otherwise);
  if (values.size() != n) {
    return InvalidArgument("attribute '" + std::string(name) + "' has " +
                           std::to_string(values.size()) + " numbers, not " + std::to_string(n));
  }
  for (int64_t value : values) {
    if (value < min || value > kMaxAttribute) {
      return InvalidArgument("attribute '" + std::string(name) + "' has the number " +
                             std::to_string(value) + ", which is not from " + std::to_string(min) +
                             " to " + std::to_string(kMaxAttribute));
    }
  }
  return std::vector<int64_t>(values.begin(), values.end());
}

Result<AutoPad> ReadAutoPad(const OpContext& context) {
  WNN_ASSIGN_OR_RETURN(std::string_view word, context.attributes().String("auto_pad", "NOTSET"));
  if (word.empty() || word == "NOTSET") return AutoPad::kNotSet;
  if (word == "SAME_UPPER") return AutoPad::kSameUpper;
  if (word == "SAME_LOWER") return AutoPad::kSameLower;
  if (word == "VALID") return AutoPad::kValid;
  return InvalidArgument("attribute 'auto_pad' is " + graph::Quoted(word) +
                         ", not NOTSET, SAME_UPPER, SAME_LOWER or VALID");
}

struct Extent {
  int64_t out = 0;
  int64_t pad_begin = 0;
  int64_t pad_end = 0;
};

Result<Extent> ExtentOf(const WindowAttributes& a, size_t d, int64_t in) {
  Extent e{0, a.pads_begin[d], a.pads_end[d]};
  const int64_t reach = (a.kernel[d] - 1) * a.dilations[d] + 1;
  const int64_t stride = a.strides[d];
  if (a.auto_pad == AutoPad::kSameUpper || a.auto_pad == AutoPad::kSameLower) {
    e.out = kernels::CeilDiv(in, stride);
    const int64_t total = std::max<int64_t>((e.out - 1) * stride + reach - in, 0);
    e.pad_begin = a.auto_pad == AutoPad::kSameUpper ? total / 2 : total - total / 2;
    e.pad_end = total - e.pad_begin;
    return e;
  }
  const int64_t room = in + e.pad_begin + e.pad_end - reach;
  if (room < 0) {
    return InvalidArgument("a window of " + std::to_string(reach) + " does not fit an input of " +
                           std::to_string(in) + " with padding " + std::to_string(e.pad_begin) +
                           " and " + std::to_string(e.pad_end));
  }
  e.out = (a.ceil_mode ? kernels::CeilDiv(room, stride) : room / stride) + 1;
  // ceil_mode may add a window that starts in the padding at the end: it is dropped.
  if (a.ceil_mode && (e.out - 1) * stride >= in + e.pad_begin) --e.out;
  return e;
}

}  // namespace

Result<WindowAttributes> ParseWindowAttributes(const OpContext& context, size_t spatial_rank,
                                               std::span<const int64_t> weight_kernel) {
  if (spatial_rank == 0 || spatial_rank > kernels::kMaxSpatialRank) {
    return Unsupported(std::to_string(spatial_rank) + " spatial dimensions; 1 to 3 are supported");
  }
  WindowAttributes a;
  WNN_ASSIGN_OR_RETURN(a.kernel, ReadInts(context, "kernel_shape", spatial_rank, 1, 0));
  if (!weight_kernel.empty()) {
    if (context.attributes().Has("kernel_shape") &&
        !std::equal(a.kernel.begin(), a.kernel.end(), weight_kernel.begin(), weight_kernel.end())) {
      return InvalidArgument("attribute 'kernel_shape' is " + ShapeToString(a.kernel) +
                             ", but the weights' kernel " + ShapeToString(weight_kernel));
    }
    a.kernel.assign(weight_kernel.begin(), weight_kernel.end());
  }
  for (int64_t k : a.kernel) {
    if (k < 1 || k > kMaxAttribute) {
      return InvalidArgument("the kernel's shape " + ShapeToString(a.kernel) +
                             " is missing or out of bounds");
    }
  }
  WNN_ASSIGN_OR_RETURN(a.strides, ReadInts(context, "strides", spatial_rank, 1, 1));
  WNN_ASSIGN_OR_RETURN(a.dilations, ReadInts(context, "dilations", spatial_rank, 1, 1));
  WNN_ASSIGN_OR_RETURN(std::vector<int64_t> pads,
                       ReadInts(context, "pads", 2 * spatial_rank, 0, 0));
  WNN_ASSIGN_OR_RETURN(a.auto_pad, ReadAutoPad(context));
  if (a.auto_pad != AutoPad::kNotSet) std::fill(pads.begin(), pads.end(), 0);
  a.pads_begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(spatial_rank));
  a.pads_end.assign(pads.begin() + static_cast<std::ptrdiff_t>(spatial_rank), pads.end());
  WNN_ASSIGN_OR_RETURN(int64_t ceil_mode, context.attributes().Int("ceil_mode", 0));
  a.ceil_mode = ceil_mode != 0;
  return a;
}

Result<std::vector<Dim>> WindowOutputDims(const WindowAttributes& attributes,
                                          std::span<const Dim> in) {
  std::vector<Dim> out;
  for (size_t d = 0; d < in.size(); ++d) {
    if (!IsKnown(in[d])) {
      out.push_back(graph::UnknownDim());
      continue;
    }
    WNN_ASSIGN_OR_RETURN(Extent extent, ExtentOf(attributes, d, in[d].value));
    out.push_back(graph::KnownDim(extent.out));
  }
  return out;
}

Result<kernels::Window> MakeWindow(const WindowAttributes& attributes,
                                   std::span<const int64_t> in) {
  kernels::Window window;
  const size_t first = kernels::kMaxSpatialRank - attributes.rank();
  for (size_t d = 0; d < attributes.rank(); ++d) {
    WNN_ASSIGN_OR_RETURN(Extent extent, ExtentOf(attributes, d, in[d]));
    window.in[first + d] = in[d];
    window.out[first + d] = extent.out;
    window.kernel[first + d] = attributes.kernel[d];
    window.stride[first + d] = attributes.strides[d];
    window.dilation[first + d] = attributes.dilations[d];
    window.pad_begin[first + d] = extent.pad_begin;
    window.pad_end[first + d] = extent.pad_end;
  }
  return window;
}

}  // namespace wnn::ops
