// Convolution weights in the order in which the register tile reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/function_ref.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/blocked/tile.h"

namespace wnn::kernels {

// One to four 16-channel output blocks that a tile computes together.
struct WeightPanel {
  int64_t offset = 0;       // floats from the start of the packed weights
  int64_t first_block = 0;  // output block
  int64_t first_input_block = 0;
  int64_t channels = 0;  // of the input, from that block on: the tile's k
  int blocks = 0;
};

// [panel][tap][k][panel's blocks * 16] and a bias of every output block; lanes past the last output
// channel are zero. A panel reads the input channels of the groups that its outputs belong to and
// no others; what its outputs do not share of them has zero weights. Move-only; immutable, so
// threads share it freely.
class PackedWeights {
 public:
  struct Sizes {
    int64_t out_channels = 0;  // of all groups
    int64_t in_channels = 0;   // of one group
    int64_t groups = 1;        // divides out_channels
    int64_t taps = 1;
  };
  // Writes the `taps` weights that join output channel `out` (of all) to input channel `in` (of its
  // group).
  using Source = FunctionRef<void(int64_t out, int64_t in, float* taps)>;

  // `bias` holds out_channels floats or is empty. kTooLarge if memory does not suffice. Ends early,
  // with weights of no use, once `stop` is stopped.
  static Result<PackedWeights> Create(const TileKernels& kernels, const Sizes& sizes,
                                      std::span<const float> bias, Source source, Parallel& stop);

  const std::vector<WeightPanel>& panels() const { return panels_; }
  int64_t max_channels() const { return max_channels_; }  // of a panel
  int64_t taps() const { return taps_; }
  int64_t n_weights() const { return static_cast<int64_t>(weights_.size() / sizeof(float)); }
  const float* weights(const WeightPanel& panel) const { return Floats(weights_) + panel.offset; }
  const float* bias(int64_t block) const { return Floats(bias_) + block * kBlock; }
  size_t size_bytes() const { return weights_.size() + bias_.size(); }

 private:
  static const float* Floats(const AlignedBuffer& buffer) {
    return reinterpret_cast<const float*>(buffer.data());
  }

  AlignedBuffer weights_;
  AlignedBuffer bias_;
  std::vector<WeightPanel> panels_;
  int64_t max_channels_ = 0;
  int64_t taps_ = 0;
};

// AlignedBuffer::AllocateZeroed(), which ends early once `stop` is stopped.
Result<AlignedBuffer> AllocateZeroed(size_t size_bytes, Parallel& stop);

// Bytes of the product of `factors` floats; kTooLarge if that leaves what the machine can address.
Result<size_t> FloatBytes(std::initializer_list<int64_t> factors);

// Widths of panels that cover `blocks`, mostly `preferred` wide; none is wider than
// kMaxTileBlocks and, where that can be helped, none is a lone block.
std::vector<int> PanelWidths(int64_t blocks, int preferred);

}  // namespace wnn::kernels
