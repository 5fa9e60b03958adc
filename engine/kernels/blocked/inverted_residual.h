// The inverted residual of MobileNetV2 and its kin in one operation: a 1x1 convolution that expands
// the channels, a depthwise convolution, and a 1x1 convolution that projects them down, with an
// optional residual. The expanded map, 4 to 6 times the others, never leaves the cache.
//
// Instead of the first 1x1 convolution there may be none (the block begins with the depthwise one),
// or the network's first layer, which reads an NCHW image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/blocked/conv.h"
#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

struct InvertedResidualSpec {
  int64_t in_channels = 0;        // of the block's input
  int64_t expanded_channels = 0;  // equal to in_channels without an expansion
  int64_t out_channels = 0;

  // What makes the expanded map. kFirstLayer: `first_layer`, whose channels are in_channels and
  // expanded_channels and which has no pooling.
  enum class Expansion { kNone, kPointwise, kFirstLayer };
  Expansion expansion = Expansion::kPointwise;
  ConvSpec first_layer = {};
  Clamp expand_clamp = {};  // kPointwise

  // The depthwise convolution; its dilation is 1.
  int64_t kernel_h = 3, kernel_w = 3;
  int64_t stride_h = 1, stride_w = 1;
  Clamp depthwise_clamp = {};

  Clamp project_clamp = {};
};

// Each as for Conv; `expand_weights` and `expand_bias` are empty without an expansion.
struct InvertedResidualWeights {
  std::span<const float> expand_weights, expand_bias;
  std::span<const float> depthwise_weights, depthwise_bias;
  std::span<const float> project_weights, project_bias;
};

struct InvertedResidualShape {
  int64_t batch = 1;
  // The depthwise convolution's.
  int64_t in_h = 0, in_w = 0;
  int64_t pad_top = 0, pad_left = 0;
  int64_t out_h = 0, out_w = 0;
  // kFirstLayer: the image and its padding.
  int64_t image_h = 0, image_w = 0;
  int64_t image_pad_top = 0, image_pad_left = 0;
};

// Immutable and thread-safe. Results do not depend on the number of threads.
class InvertedResidual {
 public:
  // kInvalidArgument if spec or spans do not fit together, kTooLarge without memory. `stop` as
  // Conv::Create.
  static Result<std::unique_ptr<const InvertedResidual>> Create(
      const InvertedResidualSpec& spec, const InvertedResidualWeights& weights,
      Parallel& stop = NeverStopped());
  virtual ~InvertedResidual() = default;

  // As Conv's.
  virtual Result<size_t> ScratchBytes(const InvertedResidualShape& shape, int n_threads) const = 0;
  virtual size_t packed_bytes() const = 0;
  virtual void Run(const InvertedResidualShape& shape, const ConvIo& io,
                   std::span<std::byte> scratch, Parallel& parallel) const = 0;
};

}  // namespace wnn::kernels
