// 1x1 convolution: a matrix product over pixels, and its variant that averages over them.
#include <cstring>

#include "engine/kernels/blocked/conv_impl.h"
#include "engine/kernels/blocked/packed_weights.h"
#include "engine/kernels/blocked/schedule.h"
#include "engine/kernels/blocked/tile.h"

namespace wnn::kernels {
namespace {

// Input pixels that stay in L2 while all weights stream past them.
constexpr int64_t kChunkBytes = 256 << 10;
constexpr int64_t kMinChunkPixels = 56;

class PointwiseConv final : public Conv {
 public:
  PointwiseConv(const ConvSpec& spec, const TileKernels& kernels, PackedWeights weights)
      : Conv(ConvAlgorithm::kPointwise, spec), kernels_(kernels), weights_(std::move(weights)) {}

  size_t packed_bytes() const override { return weights_.size_bytes(); }

  void Run(const ConvShape& shape, const ConvIo& io, std::span<std::byte> scratch,
           Parallel& parallel) const override {
    BlockedIn in = io.in;
    int64_t in_pixels = shape.in_h * shape.in_w;
    if (!ReadsInPlace(shape)) {
      auto* compact = reinterpret_cast<float*>(scratch.data());
      Compact(shape, in, compact, parallel);
      in_pixels = shape.out_h * shape.out_w;
      in = {compact, BlockedSize(spec().in_channels, shape.out_h, shape.out_w)};
    }
    if (spec().global_average) {
      RunAverage(shape, in, in_pixels, io.out, parallel);
    } else {
      RunMap(shape.batch, in_pixels, in, io, parallel);
    }
  }

 private:
  Result<size_t> ScratchFor(const ConvShape& shape, int) const override {
    if (ReadsInPlace(shape)) return size_t{0};
    return FloatBytes({shape.batch, BlockedSize(spec().in_channels, shape.out_h, shape.out_w)});
  }

  bool ReadsInPlace(const ConvShape& shape) const {
    if (spec().stride_h != 1 || spec().stride_w != 1) return false;
    // The average needs no pixels of padding: each adds clamp(bias).
    if (spec().global_average) {
      return shape.pad_top + shape.in_h <= shape.out_h &&
             shape.pad_left + shape.in_w <= shape.out_w;
    }
    return shape.pad_top == 0 && shape.pad_left == 0 && shape.in_h == shape.out_h &&
           shape.in_w == shape.out_w;
  }

  // Gathers the pixels that the output wants, so that they are contiguous.
  void Compact(const ConvShape& shape, const BlockedIn& in, float* to, Parallel& parallel) const {
    const int64_t blocks = BlockCount(spec().in_channels);
    const int64_t n_rows = shape.batch * blocks * shape.out_h;
    const double bytes = static_cast<double>(n_rows * shape.out_w) * kBlock * sizeof(float);
    const int64_t n_tasks = std::min(n_rows, CopyTaskCount(bytes, parallel.n_threads()));
    ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
      const Range rows = Part(n_rows, n_tasks, task);
      for (int64_t row = rows.begin; row < rows.end; ++row) {
        const int64_t y = row % shape.out_h * spec().stride_h - shape.pad_top;
        const int64_t map = row / shape.out_h;
        const float* from = in.data + map / blocks * in.batch_stride +
                            (map % blocks * shape.in_h + y) * shape.in_w * kBlock;
        float* out = to + row * shape.out_w * kBlock;
        for (int64_t i = 0; i < shape.out_w; ++i, out += kBlock) {
          const int64_t x = i * spec().stride_w - shape.pad_left;
          if (y < 0 || y >= shape.in_h || x < 0 || x >= shape.in_w) {
            std::memset(out, 0, kBlock * sizeof(float));
          } else {
            std::memcpy(out, from + x * kBlock, kBlock * sizeof(float));
          }
        }
      }
    });
  }

  TileArgs PanelArgs(const WeightPanel& panel) const {
    TileArgs args;
    args.channels = panel.channels;
    args.weights = weights_.weights(panel);
    args.bias = weights_.bias(panel.first_block);
    args.clamp = spec().clamp;
    return args;
  }

  void RunMap(int64_t batch, int64_t n_pixels, const BlockedIn& in, const ConvIo& io,
              Parallel& parallel) const {
    const auto& panels = weights_.panels();
    const auto n_panels = static_cast<int64_t>(panels.size());
    const int64_t channels = spec().in_channels;
    const Grid grid = ChooseGrid({.pixels = batch * n_pixels,
                                  .min_part_pixels = kernels_.max_rows[panels[0].blocks],
                                  .panels = n_panels,
                                  .pixel_floats = channels,
                                  .weight_floats = weights_.n_weights(),
                                  .mul_adds = static_cast<double>(batch * n_pixels) *
                                              static_cast<double>(weights_.n_weights())},
                                 parallel.n_threads());
    const int64_t fitting = kChunkBytes / static_cast<int64_t>(sizeof(float)) / channels;
    const int64_t chunk_pixels = std::max(kMinChunkPixels, fitting);

    ForEachTask(parallel, grid.pixel_parts * grid.panel_parts, [&](int64_t task, int) {
      const Range pixels = Part(batch * n_pixels, grid.pixel_parts, task / grid.panel_parts);
      const Range my_panels = Part(n_panels, grid.panel_parts, task % grid.panel_parts);
      const int64_t n_chunks = CeilDiv(pixels.size(), chunk_pixels);
      for (int64_t chunk = 0; chunk < n_chunks; ++chunk) {
        const Range part = Part(pixels.size(), n_chunks, chunk);
        for (int64_t p = my_panels.begin; p < my_panels.end; ++p) {
          RunPanel(panels[static_cast<size_t>(p)], n_pixels,
                   {pixels.begin + part.begin, pixels.begin + part.end}, in, io);
        }
      }
    });
  }

  // `pixels` counts through all images.
  void RunPanel(const WeightPanel& panel, int64_t n_pixels, Range pixels, const BlockedIn& in,
                const ConvIo& io) const {
    TileArgs args = PanelArgs(panel);
    args.in_block_stride = n_pixels * kBlock;
    args.out_block_stride = n_pixels * kBlock;
    args.residual_block_stride = n_pixels * kBlock;
    const int64_t in_offset = panel.first_input_block * n_pixels * kBlock;
    const int64_t out_offset = panel.first_block * n_pixels * kBlock;
    while (pixels.begin < pixels.end) {
      const int64_t image = pixels.begin / n_pixels;
      const int64_t first = pixels.begin % n_pixels;
      const int64_t n = std::min(pixels.size(), n_pixels - first);
      args.in = in.data + image * in.batch_stride + in_offset + first * kBlock;
      args.out = io.out.data + image * io.out.batch_stride + out_offset + first * kBlock;
      if (io.residual.data != nullptr) {
        args.residual =
            io.residual.data + image * io.residual.batch_stride + out_offset + first * kBlock;
      }
      RunTiles(kernels_, panel.blocks, n, args);
      pixels.begin += n;
    }
  }

  void RunAverage(const ConvShape& shape, const BlockedIn& in, int64_t n_pixels,
                  const BlockedOut& out, Parallel& parallel) const {
    const auto& panels = weights_.panels();
    const auto n_panels = static_cast<int64_t>(panels.size());
    const int64_t total = shape.out_h * shape.out_w;
    const double mul_adds =
        static_cast<double>(shape.batch * n_pixels) * static_cast<double>(weights_.n_weights());
    const int64_t n_units = shape.batch * n_panels;
    const int64_t n_tasks = std::min(n_units, TaskCount(mul_adds, parallel.n_threads()));
    ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
      const Range units = Part(n_units, n_tasks, task);
      for (int64_t unit = units.begin; unit < units.end; ++unit) {
        // Images change fastest: they share the panel's weights.
        const int64_t image = unit % shape.batch;
        const WeightPanel& panel = panels[static_cast<size_t>(unit / shape.batch)];
        alignas(64) float sums[kMaxTileBlocks * kBlock] = {};
        TileArgs args = PanelArgs(panel);
        args.in = in.data + image * in.batch_stride + panel.first_input_block * n_pixels * kBlock;
        args.in_block_stride = n_pixels * kBlock;
        args.out = sums;
        args.epilogue = TileEpilogue::kSum;
        RunTiles(kernels_, panel.blocks, n_pixels, args);
        float* to = out.data + image * out.batch_stride + panel.first_block * kBlock;
        const auto n_border = static_cast<float>(total - n_pixels);
        for (int64_t n = 0; n < panel.blocks * kBlock; ++n) {
          const float border = std::min(spec().clamp.max, std::max(spec().clamp.min, args.bias[n]));
          to[n] =
              (n_border == 0 ? sums[n] : sums[n] + border * n_border) / static_cast<float>(total);
        }
      }
    });
  }

  const TileKernels& kernels_;
  const PackedWeights weights_;
};

}  // namespace

ConvResult NewPointwiseConv(const ConvSpec& spec, Floats weights, Floats bias, Parallel& stop) {
  const TileKernels& kernels = ActiveTileKernels();
  const int64_t group_channels = spec.in_channels / spec.groups;
  WNN_ASSIGN_OR_RETURN(
      PackedWeights packed,
      PackedWeights::Create(
          kernels,
          {.out_channels = spec.out_channels, .in_channels = group_channels, .groups = spec.groups},
          bias,
          [&](int64_t out, int64_t in, float* taps) {
            *taps = weights[static_cast<size_t>(out * group_channels + in)];
          },
          stop));
  return ConvResult(std::make_unique<const PointwiseConv>(spec, kernels, std::move(packed)));
}

}  // namespace wnn::kernels
