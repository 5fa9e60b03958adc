#include "engine/kernels/blocked/first_layer.h"

#include <cstring>

#include "engine/kernels/blocked/schedule.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/first_layer.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
#include "engine/kernels/blocked/tile-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// kStride 0: known at run time only.
template <int kRows, int kBlocks, int kCols, int kStride>
HWY_INLINE void FirstLayerStrip(const FirstLayerTileArgs& args, int first) {
  constexpr int kWeightStride = kBlocks * static_cast<int>(kBlock);
  const int64_t stride = kStride == 0 ? args.stride : kStride;
  V acc[kRows][kCols];
  ZeroAll(acc);
  HWY_ALIGN float total[kRows * kCols * kLanes];
  bool flushed = false;
  int64_t steps = 0;
  const float* HWY_RESTRICT w = args.weights + first * kLanes;
  for (int64_t c = 0; c < args.channels; ++c) {
    for (int64_t ky = 0; ky < args.kernel_h; ++ky) {
      if (steps + args.kernel_w > kFlushSteps && steps > 0) {
        Flush(!flushed, total, acc);
        flushed = true;
        steps = 0;
      }
      steps += args.kernel_w;
      const float* HWY_RESTRICT in = args.in + c * args.plane_stride + ky * args.row_stride;
      // Not unrolled: compilers would share broadcasts between steps and spill them.
      _Pragma("GCC unroll 1") for (int64_t kx = 0; kx < args.kernel_w; ++kx) {
        V row[kCols];
        WNN_UNROLL for (int n = 0; n < kCols; ++n) row[n] = Load(w + n * kLanes);
        WNN_UNROLL for (int m = 0; m < kRows; ++m) {
          const V pixel = Broadcast(in[m * stride + kx]);
          WNN_UNROLL for (int n = 0; n < kCols; ++n) acc[m][n] = Fma(pixel, row[n], acc[m][n]);
        }
        w += kWeightStride;
      }
    }
  }
  const V min = Broadcast(args.clamp.min);
  const V max = Broadcast(args.clamp.max);
  WNN_UNROLL for (int n = 0; n < kCols; ++n) {
    const int at = first + n;
    const V bias = Load(args.bias + at * kLanes);
    float* HWY_RESTRICT out =
        args.out + (at / kVecs) * args.out_block_stride + (at % kVecs) * kLanes;
    WNN_UNROLL for (int m = 0; m < kRows; ++m) {
      V sum = acc[m][n];
      if (flushed) sum = hn::Add(sum, Load(total + (m * kCols + n) * kLanes));
      Store(ClampTo(hn::Add(sum, bias), min, max), out + m * kBlock);
    }
  }
}

template <int kRows, int kBlocks, int kStride>
HWY_NOINLINE void FirstLayerTile(const FirstLayerTileArgs& args) {
  constexpr int kPanelVecs = kBlocks * kVecs;
  constexpr int kCols = kWidth<kBlocks> < kPanelVecs ? kWidth<kBlocks> : kPanelVecs;
  for (int first = 0; first < kPanelVecs; first += kCols) {
    FirstLayerStrip<kRows, kBlocks, kCols, kStride>(args, first);
  }
}

template <int kRows, int kBlocks>
constexpr void FillFirstLayer(FirstLayerKernels& kernels) {
  kernels.tile[0][kBlocks][kRows] = &FirstLayerTile<kRows, kBlocks, 0>;
  kernels.tile[1][kBlocks][kRows] = &FirstLayerTile<kRows, kBlocks, 1>;
  kernels.tile[2][kBlocks][kRows] = &FirstLayerTile<kRows, kBlocks, 2>;
  if constexpr (kRows > 1) FillFirstLayer<kRows - 1, kBlocks>(kernels);
}

// The widths that PanelWidths gives for convolutions.
template <int kPanelBlocks>
constexpr FirstLayerKernels MakeFirstLayerKernels() {
  static_assert(kPanelBlocks <= 2);
  FirstLayerKernels kernels{};
  FillFirstLayer<kTileRows[1], 1>(kernels);
  if constexpr (kPanelBlocks == 2) {
    FillFirstLayer<kTileRows[2], 2>(kernels);
    FillFirstLayer<kTileRows[3], 3>(kernels);
  }
  return kernels;
}

const FirstLayerKernels* GetFirstLayerKernels() {
  static constexpr FirstLayerKernels kKernels = MakeFirstLayerKernels<kConvPanelBlocks>();
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetFirstLayerKernels);

// Columns of the padded image that the kernel reads.
int64_t PaddedColumns(const ConvSpec& spec, const ConvShape& shape) {
  return (shape.out_w - 1) * spec.stride_w + spec.kernel_w;
}

int64_t PaddedRows(const ConvSpec& spec, int64_t out_rows) {
  return (out_rows - 1) * spec.stride_h + spec.kernel_h;
}

}  // namespace

const FirstLayerKernels& ActiveFirstLayerKernels() {
  return *HWY_DYNAMIC_DISPATCH(GetFirstLayerKernels)();
}

Result<FirstLayerRows> FirstLayerRows::Create(const ConvSpec& spec, std::span<const float> weights,
                                              std::span<const float> bias, Parallel& stop) {
  const TileKernels& tiles = ActiveTileKernels();
  const int64_t steps = spec.in_channels * spec.kernel_h * spec.kernel_w;
  WNN_ASSIGN_OR_RETURN(PackedWeights packed,
                       PackedWeights::Create(
                           tiles, {.out_channels = spec.out_channels, .in_channels = steps}, bias,
                           [&](int64_t out, int64_t step, float* to) {
                             *to = weights[static_cast<size_t>(out * steps + step)];
                           },
                           stop));
  return FirstLayerRows(spec, tiles, std::move(packed));
}

bool FirstLayerRows::NeedsCopy(const ConvShape& shape) const {
  return shape.pad_top != 0 || shape.pad_left != 0 || PaddedRows(spec_, shape.out_h) > shape.in_h ||
         PaddedColumns(spec_, shape) > shape.in_w;
}

int64_t FirstLayerRows::WindowFloats(const ConvShape& shape, int64_t out_rows) const {
  if (!NeedsCopy(shape)) return 0;
  return RoundUp(spec_.in_channels * PaddedRows(spec_, out_rows) * PaddedColumns(spec_, shape),
                 kBlock);
}

FirstLayerRows::Window FirstLayerRows::View(const ConvShape& shape, const float* image,
                                            int64_t out_begin, int64_t out_end,
                                            const float* memory) const {
  Window window;
  window.first_row = out_begin * spec_.stride_h;
  if (NeedsCopy(shape)) {
    window.row_stride = PaddedColumns(spec_, shape);
    window.plane_stride = PaddedRows(spec_, out_end - out_begin) * window.row_stride;
    window.data = memory;
  } else {
    window.row_stride = shape.in_w;
    window.plane_stride = shape.in_h * shape.in_w;
    window.data = image + window.first_row * shape.in_w;
  }
  return window;
}

FirstLayerRows::Window FirstLayerRows::Prepare(const ConvShape& shape, const float* image,
                                               int64_t out_begin, int64_t out_end,
                                               float* memory) const {
  const Window window = View(shape, image, out_begin, out_end, memory);
  if (!NeedsCopy(shape)) return window;
  const int64_t columns = window.row_stride;
  const int64_t rows = PaddedRows(spec_, out_end - out_begin);
  const int64_t left = std::min(shape.pad_left, columns);
  const int64_t inside = std::min(shape.in_w, columns - left);
  for (int64_t c = 0; c < spec_.in_channels; ++c) {
    const float pad = spec_.pad_values.empty() ? 0 : spec_.pad_values[static_cast<size_t>(c)];
    for (int64_t row = 0; row < rows; ++row, memory += columns) {
      const int64_t y = window.first_row + row - shape.pad_top;
      if (y < 0 || y >= shape.in_h) {
        std::fill_n(memory, columns, pad);
        continue;
      }
      std::fill_n(memory, left, pad);
      std::memcpy(memory + left, image + (c * shape.in_h + y) * shape.in_w,
                  static_cast<size_t>(inside) * sizeof(float));
      std::fill_n(memory + left + inside, columns - left - inside, pad);
    }
  }
  return window;
}

void FirstLayerRows::Run(const ConvShape& shape, const Window& window, const WeightPanel& panel,
                         int64_t y, float* out, int64_t out_block_stride) const {
  FirstLayerTileArgs args;
  args.plane_stride = window.plane_stride;
  args.row_stride = window.row_stride;
  args.channels = spec_.in_channels;
  args.kernel_h = spec_.kernel_h;
  args.kernel_w = spec_.kernel_w;
  args.stride = spec_.stride_w;
  args.weights = weights_.weights(panel);
  args.bias = weights_.bias(panel.first_block);
  args.clamp = spec_.clamp;
  args.out_block_stride = out_block_stride;
  const float* row = window.data + (y * spec_.stride_h - window.first_row) * window.row_stride;
  const auto& tiles = kernels_->tile[spec_.stride_w <= 2 ? spec_.stride_w : 0][panel.blocks];
  const int64_t n_tiles = CeilDiv(shape.out_w, tiles_->max_rows[panel.blocks]);
  for (int64_t i = 0; i < n_tiles; ++i) {
    const Range pixels = Part(shape.out_w, n_tiles, i);
    args.in = row + pixels.begin * spec_.stride_w;
    args.out = out + pixels.begin * kBlock;
    tiles[pixels.size()](args);
  }
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
