// Convolution of any kernel, stride, dilation, padding and groups, as a sum of pointwise
// convolutions over the kernel's taps.
//
// Two phases. First the input is copied with its padding, each row's columns sorted by their
// remainder modulo the stride; then the pixels that a tap needs for a row of outputs are contiguous
// whatever the stride and dilation are, and one register tile serves every case. An unpadded
// input of a convolution with a stride of 1 along rows is read where it is.
#include <cstring>

#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/conv_impl.h"
#include "engine/kernels/blocked/packed_weights.h"
#include "engine/kernels/blocked/schedule.h"
#include "engine/kernels/blocked/tile.h"

namespace wnn::kernels {
namespace {

// Copies of at most this much, if images allow, lie in memory at once.
constexpr int64_t kPassBytes = 8 << 20;
// Input rows that stay in L2 while a panel of weights streams past them.
constexpr int64_t kChunkBytes = 384 << 10;
// Output rows longer than this may be cut to make enough tasks.
constexpr int64_t kMinSegment = 56;

// The copy of one image: [block][row][slot][column][16]. A slot holds the columns with one
// remainder; remainders that no tap meets have none. Offsets and strides are in floats.
struct CopyLayout {
  bool in_place = false;
  int64_t rows = 0;
  int64_t columns = 0;  // of a slot
  int64_t slots = 1;
  int64_t row_stride = 0;
  int64_t block_stride = 0;
  int64_t image_stride = 0;
  int64_t images_per_pass = 1;
};

class DirectConv final : public Conv {
 public:
  DirectConv(const ConvSpec& spec, const TileKernels& kernels, PackedWeights weights)
      : Conv(ConvAlgorithm::kDirect, spec), kernels_(kernels), weights_(std::move(weights)) {
    // Taps with the same remainder share a slot.
    slot_of_tap_.resize(static_cast<size_t>(spec.kernel_w));
    for (int64_t kx = 0; kx < spec.kernel_w; ++kx) {
      const int64_t remainder = kx * spec.dilation_w % spec.stride_w;
      const auto found = std::find(remainders_.begin(), remainders_.end(), remainder);
      slot_of_tap_[static_cast<size_t>(kx)] = found - remainders_.begin();
      if (found == remainders_.end()) remainders_.push_back(remainder);
    }
  }

  size_t packed_bytes() const override { return weights_.size_bytes(); }

  void Run(const ConvShape& shape, const ConvIo& io, std::span<std::byte> scratch,
           Parallel& parallel) const override {
    const CopyLayout layout = Layout(shape, io.in.batch_stride);
    auto* offsets = reinterpret_cast<int64_t*>(scratch.data());
    auto* copy = reinterpret_cast<float*>(scratch.data() + OffsetBytes());
    FillTapOffsets(layout, offsets);
    for (int64_t first = 0; first < shape.batch; first += layout.images_per_pass) {
      const int64_t images = std::min(layout.images_per_pass, shape.batch - first);
      const float* in = io.in.data + first * io.in.batch_stride;
      if (!layout.in_place) {
        Copy(shape, layout, images, in, io.in.batch_stride, copy, parallel);
        in = copy;
      }
      ConvIo pass = io;
      pass.in = {in, layout.image_stride};
      pass.out.data += first * io.out.batch_stride;
      if (pass.residual.data != nullptr) pass.residual.data += first * io.residual.batch_stride;
      Multiply(shape, layout, images, offsets, pass, parallel);
    }
  }

 private:
  Result<size_t> ScratchFor(const ConvShape& shape, int) const override {
    const CopyLayout layout = Layout(shape, 0);
    if (layout.in_place) return OffsetBytes();
    WNN_ASSIGN_OR_RETURN(size_t bytes, FloatBytes({layout.images_per_pass, layout.image_stride}));
    return bytes + OffsetBytes();
  }

  size_t OffsetBytes() const {
    return static_cast<size_t>(RoundUp(weights_.taps(), 8)) * sizeof(int64_t);
  }

  CopyLayout Layout(const ConvShape& shape, int64_t in_batch_stride) const {
    const ConvSpec& s = spec();
    CopyLayout layout;
    layout.rows = (shape.out_h - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h + 1;
    layout.columns = shape.out_w + (s.kernel_w - 1) * s.dilation_w / s.stride_w;
    layout.in_place = s.stride_w == 1 && shape.pad_top == 0 && shape.pad_left == 0 &&
                      layout.rows <= shape.in_h && layout.columns <= shape.in_w;
    if (layout.in_place) {
      layout.row_stride = shape.in_w * kBlock;
      layout.block_stride = shape.in_h * layout.row_stride;
      layout.image_stride = in_batch_stride;
      layout.images_per_pass = shape.batch;
      return layout;
    }
    layout.slots = static_cast<int64_t>(remainders_.size());
    layout.row_stride = layout.slots * layout.columns * kBlock;
    layout.block_stride = layout.rows * layout.row_stride;
    layout.image_stride = BlockCount(s.in_channels) * layout.block_stride;
    const int64_t image_bytes = layout.image_stride * static_cast<int64_t>(sizeof(float));
    layout.images_per_pass = std::clamp<int64_t>(kPassBytes / image_bytes, 1, shape.batch);
    return layout;
  }

  void FillTapOffsets(const CopyLayout& layout, int64_t* offsets) const {
    const ConvSpec& s = spec();
    for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
      for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
        const int64_t slot = layout.in_place ? 0 : slot_of_tap_[static_cast<size_t>(kx)];
        const int64_t column = kx * s.dilation_w / s.stride_w;
        *offsets++ =
            ky * s.dilation_h * layout.row_stride + (slot * layout.columns + column) * kBlock;
      }
    }
  }

  void Copy(const ConvShape& shape, const CopyLayout& layout, int64_t images, const float* in,
            int64_t in_batch_stride, float* to, Parallel& parallel) const {
    const int64_t blocks = BlockCount(spec().in_channels);
    const int64_t n_rows = images * blocks * layout.rows;
    const double bytes = static_cast<double>(n_rows * layout.row_stride) * sizeof(float);
    const int64_t n_tasks = std::min(n_rows, CopyTaskCount(bytes, parallel.n_threads()));
    ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
      const Range rows = Part(n_rows, n_tasks, task);
      for (int64_t row = rows.begin; row < rows.end; ++row) {
        const int64_t map = row / layout.rows;
        const int64_t y = row % layout.rows - shape.pad_top;
        float* out = to + row * layout.row_stride;
        if (y < 0 || y >= shape.in_h) {
          std::memset(out, 0, static_cast<size_t>(layout.row_stride) * sizeof(float));
          continue;
        }
        CopyRow(shape, layout,
                in + map / blocks * in_batch_stride +
                    (map % blocks * shape.in_h + y) * shape.in_w * kBlock,
                out);
      }
    });
  }

  void CopyRow(const ConvShape& shape, const CopyLayout& layout, const float* in,
               float* out) const {
    constexpr size_t kPixelBytes = kBlock * sizeof(float);
    const int64_t stride = spec().stride_w;
    for (int64_t remainder : remainders_) {
      // Column i holds input column i * stride + first; those of [begin, end) exist.
      const int64_t first = remainder - shape.pad_left;
      const int64_t begin = std::min(layout.columns, first >= 0 ? 0 : CeilDiv(-first, stride));
      const int64_t end = std::clamp(first >= shape.in_w ? 0 : CeilDiv(shape.in_w - first, stride),
                                     begin, layout.columns);
      std::memset(out, 0, static_cast<size_t>(begin) * kPixelBytes);
      if (stride == 1) {
        std::memcpy(out + begin * kBlock, in + (begin + first) * kBlock,
                    static_cast<size_t>(end - begin) * kPixelBytes);
      } else {
        for (int64_t i = begin; i < end; ++i) {
          std::memcpy(out + i * kBlock, in + (i * stride + first) * kBlock, kPixelBytes);
        }
      }
      std::memset(out + end * kBlock, 0, static_cast<size_t>(layout.columns - end) * kPixelBytes);
      out += layout.columns * kBlock;
    }
  }

  void Multiply(const ConvShape& shape, const CopyLayout& layout, int64_t images,
                const int64_t* offsets, const ConvIo& io, Parallel& parallel) const {
    const ConvSpec& s = spec();
    const auto& panels = weights_.panels();
    const int64_t n_pixels = images * shape.out_h * shape.out_w;
    const Grid grid = ChooseGrid(
        {.pixels = n_pixels,
         .min_part_pixels = std::min(shape.out_w, kMinSegment),
         .panels = static_cast<int64_t>(panels.size()),
         .pixel_floats = s.in_channels,
         .weight_floats = weights_.n_weights(),
         .mul_adds = static_cast<double>(n_pixels) * static_cast<double>(weights_.n_weights())},
        parallel.n_threads());
    // Units of pixels are rows of all images, or segments of rows where there are few rows.
    const int64_t n_rows = images * shape.out_h;
    const int64_t segments = n_rows >= grid.pixel_parts ? 1 : CeilDiv(shape.out_w, kMinSegment);
    const int64_t n_units = n_rows * segments;
    const int64_t pixel_parts = std::min(grid.pixel_parts, n_units);
    const int64_t row_bytes = BlockCount(weights_.max_channels()) * s.stride_h * layout.row_stride *
                              static_cast<int64_t>(sizeof(float));
    const int64_t chunk_units = std::max<int64_t>(1, kChunkBytes / row_bytes) * segments;

    // Of a panel's row, columns between two looks at the deadline: some 40 multiply-adds a
    // nanosecond.
    const int64_t column_adds =
        s.in_channels / s.groups * weights_.taps() * kMaxTileBlocks * kBlock;
    const int64_t most_columns = std::max<int64_t>(
        StopCheck::kPeriod * 40 / std::max<int64_t>(column_adds, 1), kMaxTileRows);
    ForEachTask(parallel, pixel_parts * grid.panel_parts, [&](int64_t task, int) {
      StopCheck check(parallel);
      const Range units = Part(n_units, pixel_parts, task / grid.panel_parts);
      const Range my_panels =
          Part(static_cast<int64_t>(panels.size()), grid.panel_parts, task % grid.panel_parts);
      for (int64_t begin = units.begin; begin < units.end; begin += chunk_units) {
        const int64_t end = std::min(units.end, begin + chunk_units);
        for (int64_t p = my_panels.begin; p < my_panels.end; ++p) {
          const WeightPanel& panel = panels[static_cast<size_t>(p)];
          for (int64_t unit = begin; unit < end; ++unit) {
            const int64_t row = unit / segments;
            const Range columns = Part(shape.out_w, segments, unit % segments);
            for (int64_t c = columns.begin; c < columns.end; c += most_columns) {
              const Range some{c, std::min(columns.end, c + most_columns)};
              if (check.Stopped(some.size() * (column_adds / 40))) return;
              RunRow(shape, layout, panel, row / shape.out_h, row % shape.out_h, some, offsets, io);
            }
          }
        }
      }
    });
  }

  void RunRow(const ConvShape& shape, const CopyLayout& layout, const WeightPanel& panel,
              int64_t image, int64_t y, Range columns, const int64_t* offsets,
              const ConvIo& io) const {
    const int64_t out_block_stride = shape.out_h * shape.out_w * kBlock;
    const int64_t out_offset =
        panel.first_block * out_block_stride + (y * shape.out_w + columns.begin) * kBlock;
    TileArgs args;
    args.in = io.in.data + image * layout.image_stride +
              panel.first_input_block * layout.block_stride +
              y * spec().stride_h * layout.row_stride + columns.begin * kBlock;
    args.tap_offsets = offsets;
    args.n_taps = weights_.taps();
    args.in_block_stride = layout.block_stride;
    args.channels = panel.channels;
    args.weights = weights_.weights(panel);
    args.bias = weights_.bias(panel.first_block);
    args.clamp = spec().clamp;
    args.out = io.out.data + image * io.out.batch_stride + out_offset;
    args.out_block_stride = out_block_stride;
    if (io.residual.data != nullptr) {
      args.residual = io.residual.data + image * io.residual.batch_stride + out_offset;
      args.residual_block_stride = out_block_stride;
    }
    RunTiles(kernels_, panel.blocks, columns.size(), args);
  }

  const TileKernels& kernels_;
  const PackedWeights weights_;
  std::vector<int64_t> remainders_;   // the column remainder of each slot
  std::vector<int64_t> slot_of_tap_;  // by kx
};

}  // namespace

ConvResult NewDirectConv(const ConvSpec& spec, Floats weights, Floats bias, Parallel& stop) {
  const TileKernels& kernels = ActiveTileKernels();
  const int64_t group_channels = spec.in_channels / spec.groups;
  const int64_t taps = spec.kernel_h * spec.kernel_w;
  WNN_ASSIGN_OR_RETURN(PackedWeights packed, PackedWeights::Create(
                                                 kernels,
                                                 {.out_channels = spec.out_channels,
                                                  .in_channels = group_channels,
                                                  .groups = spec.groups,
                                                  .taps = taps},
                                                 bias,
                                                 [&](int64_t out, int64_t in, float* to) {
                                                   const int64_t at =
                                                       (out * group_channels + in) * taps;
                                                   std::copy_n(weights.data() + at, taps, to);
                                                 },
                                                 stop));
  return ConvResult(std::make_unique<const DirectConv>(spec, kernels, std::move(packed)));
}

}  // namespace wnn::kernels
