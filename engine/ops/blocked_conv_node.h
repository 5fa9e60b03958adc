// What a wnn.Conv node says: two-dimensional convolution on blocked feature maps, with what the
// optimiser fused.
//
// Inputs: x (blocked, or NCHW with `nchw_input`), weights and bias as ONNX's Conv, both constant,
// and a blocked residual that is added before the clamp. Attributes: those of ONNX's Conv, and
//   clamp_min, clamp_max             bounds of the result (Relu, Clip)
//   nchw_input                       x is an NCHW map: the first layer of a net
//   pad_values                       with nchw_input: what padding holds, one number a channel
//   pool_kernel_shape, pool_strides, pool_pads, pool_ceil_mode
//                                    with nchw_input: a max pooling of the clamped result
//   global_average                   the output is the mean of each channel
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "engine/kernels/blocked/conv.h"
#include "engine/ops/blocked.h"
#include "engine/ops/window_attributes.h"

namespace wnn::ops {

inline constexpr auto kBlockedConvAttributes = std::to_array<std::string_view>(
    {"auto_pad", "clamp_max", "clamp_min", "dilations", "global_average", "group", "kernel_shape",
     "nchw_input", "pad_values", "pads", "pool_ceil_mode", "pool_kernel_shape", "pool_pads",
     "pool_strides", "strides"});

struct BlockedConvNode {
  static constexpr size_t kX = 0, kWeights = 1, kBias = 2, kResidual = 3;

  kernels::ConvSpec spec;
  bool nchw_input = false;
  WindowAttributes window;
  std::optional<WindowAttributes> pool;

  // Reads attributes and the weights' shape.
  static Result<BlockedConvNode> Read(const OpContext& context);

  // kInvalidArgument unless the fact can be that of the input.
  Status CheckInput(const Fact& x) const;
  // REQUIRES: CheckInput(x).
  Result<Fact> OutputFact(const Fact& x) const;
  Result<kernels::ConvShape> ShapeFor(const Shape& x) const;
};

// kInvalidArgument unless the inputs from `weights` on, weights and an optional bias, are constant.
Status RequireConstantWeights(const CompileContext& context, size_t weights);

// The numbers of a constant; empty for null.
std::span<const float> FloatsOf(const TensorPtr& tensor);

// Builds the key under which packed weights are found again: the bytes of every parameter.
class PackKey {
 public:
  explicit PackKey(std::string_view type) : key_(type) {}
  template <typename... T>
  PackKey& Add(T... values) {
    (key_.append(reinterpret_cast<const char*>(&values), sizeof(values)), ...);
    return *this;
  }
  PackKey& AddSpec(const kernels::ConvSpec& spec);
  const std::string& key() const { return key_; }

 private:
  std::string key_;
};

// An operator whose output has no elements.
class EmptyOp final : public CompiledOp {
 public:
  Status Run(const RunArgs&) const override { return OkStatus(); }
};
bool IsEmpty(const Shape& shape);

}  // namespace wnn::ops
