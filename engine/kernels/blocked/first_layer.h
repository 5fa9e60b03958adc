// A convolution that reads an NCHW image of few channels and makes rows of a blocked map: the first
// layer of a network, alone (Conv), before a max pooling, or before an inverted residual.
#pragma once

#include <cstdint>
#include <memory>

#include "engine/kernels/blocked/conv.h"
#include "engine/kernels/blocked/packed_weights.h"

namespace wnn::kernels {

struct FirstLayerTileArgs {
  const float* in = nullptr;  // the first tap of the first pixel in the first channel's plane
  int64_t plane_stride = 0;
  int64_t row_stride = 0;
  int64_t channels = 0;
  int64_t kernel_h = 0;
  int64_t kernel_w = 0;
  int64_t stride = 0;              // columns between pixels
  const float* weights = nullptr;  // [channels * kernel_h * kernel_w][blocks * 16]
  const float* bias = nullptr;
  Clamp clamp = {};
  float* out = nullptr;
  int64_t out_block_stride = 0;
};

// One instruction set's tiles, of the sizes that TileKernels has.
struct FirstLayerKernels {
  using Fn = void (*)(const FirstLayerTileArgs&);
  static constexpr int kStrides = 3;  // any, 1, 2
  Fn tile[kStrides][kMaxTileBlocks + 1][kMaxTileRows + 1];
};

const FirstLayerKernels& ActiveFirstLayerKernels();

// Makes rows of the convolution's output. Immutable and thread-safe.
class FirstLayerRows {
 public:
  // `stop` as PackedWeights::Create.
  static Result<FirstLayerRows> Create(const ConvSpec& spec, std::span<const float> weights,
                                       std::span<const float> bias, Parallel& stop);

  const PackedWeights& weights() const { return weights_; }

  // Input rows as a row kernel reads them: the image itself, or a padded copy.
  struct Window {
    const float* data = nullptr;  // column 0 of the padded image
    int64_t first_row = 0;        // of the padded image
    int64_t row_stride = 0;
    int64_t plane_stride = 0;
  };

  // Floats of memory that Prepare needs for `out_rows` output rows.
  int64_t WindowFloats(const ConvShape& shape, int64_t out_rows) const;
  // Where the input of the output rows [out_begin, out_end) lies once Prepare made it readable.
  // `memory` holds WindowFloats(shape, out_end - out_begin) and outlives the window.
  Window View(const ConvShape& shape, const float* image, int64_t out_begin, int64_t out_end,
              const float* memory) const;
  Window Prepare(const ConvShape& shape, const float* image, int64_t out_begin, int64_t out_end,
                 float* memory) const;
  // Writes output row `y` of a panel: the pixels of channel block i go to
  // out + i * out_block_stride.
  void Run(const ConvShape& shape, const Window& window, const WeightPanel& panel, int64_t y,
           float* out, int64_t out_block_stride) const;

 private:
  FirstLayerRows(const ConvSpec& spec, const TileKernels& tiles, PackedWeights weights)
      : spec_(spec),
        tiles_(&tiles),
        kernels_(&ActiveFirstLayerKernels()),
        weights_(std::move(weights)) {}

  bool NeedsCopy(const ConvShape& shape) const;

  ConvSpec spec_;
  const TileKernels* tiles_;
  const FirstLayerKernels* kernels_;
  PackedWeights weights_;
};

}  // namespace wnn::kernels
