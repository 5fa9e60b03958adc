// The attributes that Conv and the pools share: kernel_shape, strides, dilations, pads, auto_pad.
#pragma once

#include <span>
#include <vector>

#include "engine/kernels/reference/window.h"
#include "engine/ops/op_context.h"

namespace wnn::ops {

struct WindowAttributes {
  enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

  std::vector<int64_t> kernel;  // one a spatial dimension, as the rest
  std::vector<int64_t> strides;
  std::vector<int64_t> dilations;
  std::vector<int64_t> pads_begin;
  std::vector<int64_t> pads_end;
  AutoPad auto_pad = AutoPad::kNotSet;
  bool ceil_mode = false;

  size_t rank() const { return kernel.size(); }
};

// Reads and checks the attributes; `weight_kernel` is the kernel's shape when the weights say it,
// else empty and `kernel_shape` is required. kInvalidArgument for bad ones, kUnsupportedOperation
// for more than three spatial dimensions.
Result<WindowAttributes> ParseWindowAttributes(const OpContext& context, size_t spatial_rank,
                                               std::span<const int64_t> weight_kernel);

// Output extents for input extents, unknown where those are. kInvalidArgument if the window does
// not fit.
Result<std::vector<Dim>> WindowOutputDims(const WindowAttributes& attributes,
                                          std::span<const Dim> in);

// The geometry for a concrete input.
Result<kernels::Window> MakeWindow(const WindowAttributes& attributes, std::span<const int64_t> in);

}  // namespace wnn::ops
