// Two-dimensional convolution on blocked feature maps (layout.h), by several algorithms behind one
// interface.
//
//   auto algorithm = ChooseConvAlgorithm(spec, shape, {});           // nothing: use the general
//   path auto conv = Conv::Create(*algorithm, spec, weights, bias);       // once: packs the
//   weights auto bytes = (*conv)->ScratchBytes(shape, n_threads);            // once per shape:
//   checks it
//   (*conv)->Run(shape, io, scratch, parallel);                      // many times, allocates
//   nothing
//
// One-dimensional convolution is the case in_h == kernel_h == 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

enum class ConvAlgorithm {
  kPointwise,   // 1x1; any stride, padding and groups
  kDirect,      // any
  kWinograd2,   // 3x3, stride and dilation 1, one group: F(2x2, 3x3)
  kWinograd4,   // the same: F(4x4, 3x3); error about 4 times kDirect's
  kDepthwise,   // groups == in_channels == out_channels
  kFirstLayer,  // one group; reads an NCHW map, writes a blocked one
};

// Max pooling that follows a first layer at once, so that its input stays in the cache.
struct PoolTail {
  int64_t kernel_h = 0, kernel_w = 0;
  int64_t stride_h = 1, stride_w = 1;
};

// What the weights depend on.
struct ConvSpec {
  int64_t in_channels = 0;   // of all groups
  int64_t out_channels = 0;  // of all groups
  int64_t groups = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  Clamp clamp = {};

  // kPointwise: instead of the map, writes the mean of its pixels, one pixel an image.
  bool global_average = false;
  // kFirstLayer: a max pooling behind the clamp; ConvShape's pool_* then describe the output.
  std::optional<PoolTail> pool = {};
  // kFirstLayer: what padding holds, by input channel; empty for zeros. A graph that scales and
  // shifts its input x * a + b before the convolution folds both into weights and bias, and pads
  // with -b / a.
  std::vector<float> pad_values = {};
};

// What may change from run to run. Input positions outside the map count as padding, so the
// padding at the bottom and right follows from the output's size.
struct ConvShape {
  int64_t batch = 1;
  int64_t in_h = 0, in_w = 0;
  int64_t pad_top = 0, pad_left = 0;
  int64_t out_h = 0, out_w = 0;  // of the convolution itself
  // With ConvSpec::pool: the pooling's padding and output size.
  int64_t pool_pad_top = 0, pool_pad_left = 0;
  int64_t pool_out_h = 0, pool_out_w = 0;
};

// Lifetime: borrowed for the call. All data is 64-byte aligned, batch strides of blocked maps are
// multiples of 16; input and output do not overlap.
struct ConvIo {
  BlockedIn in = {};  // kFirstLayer: NCHW, of any alignment
  BlockedOut out = {};
  // Added before the clamp; of the output's size, and may be the output itself. kPointwise,
  // kDirect and kWinograd*, not with global_average.
  BlockedIn residual = {};
};

// A convolution with its weights packed for the instruction set that was active at creation.
// Immutable and thread-safe: contexts share it. Results do not depend on the number of threads.
class Conv {
 public:
  // `weights` is [out_channels][in_channels / groups][kernel_h][kernel_w], `bias` [out_channels] or
  // empty; both are borrowed for the call. kInvalidArgument if the algorithm cannot do `spec` or a
  // span has the wrong size, kTooLarge without memory. Ends early, with weights of no use, once
  // `stop` is stopped.
  static Result<std::unique_ptr<const Conv>> Create(ConvAlgorithm algorithm, const ConvSpec& spec,
                                                    std::span<const float> weights,
                                                    std::span<const float> bias,
                                                    Parallel& stop = NeverStopped());
  virtual ~Conv() = default;

  ConvAlgorithm algorithm() const { return algorithm_; }
  const ConvSpec& spec() const { return spec_; }

  // Bytes of scratch memory that Run needs with at most `n_threads` threads. kInvalidArgument for
  // a shape that cannot be (a size below 1, a window beyond any input), kTooLarge on overflow.
  Result<size_t> ScratchBytes(const ConvShape& shape, int n_threads) const;

  // Bytes that the packed weights hold.
  virtual size_t packed_bytes() const = 0;

  // REQUIRES: ScratchBytes accepted `shape`; `scratch` is 64-byte aligned and as large as it said
  // for parallel.n_threads().
  virtual void Run(const ConvShape& shape, const ConvIo& io, std::span<std::byte> scratch,
                   Parallel& parallel) const = 0;

 protected:
  Conv(ConvAlgorithm algorithm, const ConvSpec& spec) : algorithm_(algorithm), spec_(spec) {}

 private:
  // The shape is known to be valid.
  virtual Result<size_t> ScratchFor(const ConvShape& shape, int n_threads) const = 0;

  ConvAlgorithm algorithm_;
  ConvSpec spec_;
};

// Whether the algorithm can do `spec`; the reason why not otherwise.
Status SupportsConv(ConvAlgorithm algorithm, const ConvSpec& spec);

struct ConvChoice {
  bool allow_winograd = true;  // the session may ask for the more accurate algorithms only
  bool input_is_nchw = false;  // the input is a graph input: nobody has blocked it
};

// The fastest algorithm for the shape; nothing where only the general path can do it.
std::optional<ConvAlgorithm> ChooseConvAlgorithm(const ConvSpec& spec, const ConvShape& shape,
                                                 const ConvChoice& choice);

}  // namespace wnn::kernels
