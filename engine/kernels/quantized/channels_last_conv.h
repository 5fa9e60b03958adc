// Convolution of 8-bit integers on maps [batch][height][width][channels], for windows of any size,
// stride and dilation: dense, or depthwise with one output a channel.
//
// The bytes of a line under the window lie together, so that quads are read from the input as it
// is; only a window that reaches beyond the map, or bytes that do not divide into quads, need a
// padded copy. Depthwise, where a quad is four taps of one channel, the padding is a row of its own
// that taps point to.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/parallel.h"
#include "engine/base/status.h"
#include "engine/kernels/quantized/channels_last_tile.h"
#include "engine/kernels/reference/conv.h"

namespace wnn::kernels {

// Immutable and thread-safe.
class ChannelsLastConv {
 public:
  struct Weights {
    const void* data = nullptr;  // [out_channels][in_channels / groups][kernel...] bytes
    bool is_signed = true;       // else the zero point is 128
  };

  // How a convolution finds its input. kChannelsFirst, [batch][channels][height][width], is for
  // dense ones of up to kMaxPlanes channels: a model's first, which reads an image.
  enum class InputLayout : uint8_t { kChannelsLast, kChannelsFirst };
  static constexpr int64_t kMaxPlanes = 4;

  // Whether a convolution is one of those: one or two spatial dimensions, one group or depthwise.
  static bool Fits(const ConvGeometry& shape, InputLayout layout = InputLayout::kChannelsLast);

  // Packs weights for this geometry. kTooLarge if sizes cannot be addressed. Ends early, with
  // weights of no use, once `stop` is stopped.
  // REQUIRES: Fits(shape, layout).
  static Result<std::unique_ptr<const ChannelsLastConv>> Create(
      const ConvGeometry& shape, const Weights& weights,
      InputLayout layout = InputLayout::kChannelsLast, Parallel& stop = NeverStopped());

  // Sums of an output channel's weights, as signed bytes.
  std::span<const int32_t> weight_sums() const { return weight_sums_; }
  size_t packed_bytes() const { return weights_.size(); }

  struct Input {
    const void* data = nullptr;  // bytes in the layout that was asked for
    bool is_signed = false;
    uint8_t padding = 0;  // the byte that pads: the zero point
  };
  // The epilogue's terms are indexed by output channel, out_channels of them. Sums are those of the
  // input as unsigned bytes (+ 128 if it is signed) and of the weights as signed ones.
  // The output is [batch][height][width][out_channels] bytes.
  void Run(const Input& input, const ByteEpilogue& epilogue, void* output, std::byte* scratch,
           Parallel& parallel) const;
  uint64_t ScratchBytes(int n_threads) const;

 private:
  // Channels of the output that one tile computes.
  struct Block {
    int64_t first_channel = 0, vectors = 0;
  };
  struct Work;  // what a run's tasks share

  ChannelsLastConv(const ConvGeometry& shape, InputLayout layout);
  Status Plan();
  Status PackDense(const Weights& weights, Parallel& stop);
  Status PackDepthwise(const Weights& weights, Parallel& stop);
  bool IsDepthwise() const { return shape_.groups > 1; }
  uint64_t TermBytes() const;
  int64_t RunBytes() const;
  void CopyPadded(const Input& input, int64_t image, uint8_t* to, Parallel& parallel) const;
  void CopyLine(const Input& input, const uint8_t* image, int64_t y, int64_t n, uint8_t* to) const;
  void RunDense(const Work& work, int64_t image, const uint8_t* source, Parallel& parallel) const;
  void RunDensePixels(const Work& work, const uint8_t* source, std::byte* out, int64_t first,
                      int64_t end, int64_t first_block, int64_t end_block) const;
  void RunDepthwise(const Work& work, int64_t image, Parallel& parallel) const;
  void RunDepthwisePixels(const Work& work, const uint8_t* source, std::byte* out, int64_t first,
                          int64_t end, int64_t first_channel, int64_t end_channel,
                          const uint8_t** taps) const;

  const ConvGeometry shape_;
  const InputLayout layout_;
  const ChannelsLastTiles* tiles_;
  int64_t pixel_bytes_;  // of the map that dense windows read: its channels, planes made a quad
  int64_t height_ = 0, width_ = 0;  // of the map that windows read: the input, or its padded copy
  bool is_padded_ = false;
  std::vector<QuadRun> runs_;
  int64_t n_quads_ = 0;  // under a window
  std::vector<Block> blocks_;
  std::vector<int64_t> tap_offsets_;  // bytes, depthwise
  AlignedBuffer weights_;
  std::vector<int32_t> weight_sums_;
};

}  // namespace wnn::kernels
