#include "engine/kernels/blocked/tile.h"

#include "engine/kernels/blocked/schedule.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/tile.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
#include "engine/kernels/blocked/tile-inl.h"
// clang-format on

// wasm: any unrolling of k makes V8 and Cranelift spill (measured: 55 -> 16..33 GFLOPS).
#undef WNN_UNROLL_K
#if HWY_ARCH_WASM
#define WNN_UNROLL_K _Pragma("GCC unroll 1")
#else
#define WNN_UNROLL_K _Pragma("GCC unroll 4")
#endif

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// acc += a column of pixels times a row of weights.
template <int kRows, int kCols>
HWY_INLINE void TileStep(const float* HWY_RESTRICT in, const float* HWY_RESTRICT weights,
                         V (&acc)[kRows][kCols]) {
  V row[kCols];
  WNN_UNROLL for (int n = 0; n < kCols; ++n) row[n] = Load(weights + n * kLanes);
  WNN_UNROLL for (int m = 0; m < kRows; ++m) {
    const V pixel = Broadcast(in[m * kBlock]);
    WNN_UNROLL for (int n = 0; n < kCols; ++n) acc[m][n] = Fma(pixel, row[n], acc[m][n]);
  }
}

// Where vector n of a panel lies in a blocked map.
HWY_INLINE int64_t VectorOffset(int n, int64_t block_stride) {
  return n / kVecs * block_stride + n % kVecs * kLanes;
}

// What happens to finished sums; `first` is the panel's vector that column 0 holds.
template <int kRows, int kCols>
HWY_INLINE void Finish(const TileArgs& args, int first, V (&acc)[kRows][kCols]) {
  if (args.epilogue == TileEpilogue::kRaw) {
    WNN_UNROLL for (int n = 0; n < kCols; ++n) {
      float* out = args.out + VectorOffset(first + n, args.out_block_stride);
      WNN_UNROLL for (int m = 0; m < kRows; ++m) Store(acc[m][n], out + m * kBlock);
    }
    return;
  }
  const V min = Broadcast(args.clamp.min);
  const V max = Broadcast(args.clamp.max);
  WNN_UNROLL for (int n = 0; n < kCols; ++n) {
    const V bias = Load(args.bias + (first + n) * kLanes);
    WNN_UNROLL for (int m = 0; m < kRows; ++m) acc[m][n] = hn::Add(acc[m][n], bias);
  }
  if (args.epilogue == TileEpilogue::kSum) {
    WNN_UNROLL for (int n = 0; n < kCols; ++n) {
      float* at = args.out + (first + n) * kLanes;
      V sum = Load(at);
      WNN_UNROLL for (int m = 0; m < kRows; ++m) sum = hn::Add(sum, ClampTo(acc[m][n], min, max));
      Store(sum, at);
    }
    return;
  }
  if (args.residual != nullptr) {
    WNN_UNROLL for (int n = 0; n < kCols; ++n) {
      const float* residual = args.residual + VectorOffset(first + n, args.residual_block_stride);
      WNN_UNROLL for (int m = 0; m < kRows; ++m) {
        acc[m][n] = hn::Add(acc[m][n], Load(residual + m * kBlock));
      }
    }
  }
  WNN_UNROLL for (int n = 0; n < kCols; ++n) {
    float* out = args.out + VectorOffset(first + n, args.out_block_stride);
    WNN_UNROLL for (int m = 0; m < kRows; ++m) {
      Store(ClampTo(acc[m][n], min, max), out + m * kBlock);
    }
  }
}

// Vectors [first, first + kCols) of a panel kBlocks wide.
template <int kRows, int kBlocks, int kCols>
HWY_INLINE void TileStrip(const TileArgs& args, int first) {
  constexpr int kWeightStride = kBlocks * static_cast<int>(kBlock);
  V acc[kRows][kCols];
  ZeroAll(acc);
  HWY_ALIGN float total[kRows * kCols * kLanes];
  bool flushed = false;
  int steps = 0;
  const float* HWY_RESTRICT w = args.weights + first * kLanes;
  const int64_t block_stride = args.in_block_stride;
  for (int64_t t = 0; t < args.n_taps; ++t) {
    const float* HWY_RESTRICT in = args.in + args.tap_offsets[t];
    for (int64_t left = args.channels; left > 0; left -= kBlock, in += block_stride) {
      // Flushes fall between channel blocks; a block with a tail counts whole.
      if (steps == kFlushSteps) {
        Flush(!flushed, total, acc);
        flushed = true;
        steps = 0;
      }
      steps += kBlock;
      if (left >= kBlock) {
        WNN_UNROLL_K for (int k = 0; k < kBlock; ++k) {
          WNN_UNROLL for (int n = 0; n < kCols; n += kVecs) {
            hwy::Prefetch(w + kPrefetchFloats + n * kLanes);
          }
          TileStep(in + k, w, acc);
          w += kWeightStride;
        }
      } else {
        for (int64_t k = 0; k < left; ++k) {
          TileStep(in + k, w, acc);
          w += kWeightStride;
        }
      }
    }
  }
  if (flushed) {
    WNN_UNROLL for (int m = 0; m < kRows; ++m) {
      WNN_UNROLL for (int n = 0; n < kCols; ++n) {
        acc[m][n] = hn::Add(acc[m][n], Load(total + (m * kCols + n) * kLanes));
      }
    }
  }
  Finish(args, first, acc);
}

template <int kRows, int kBlocks>
HWY_NOINLINE void Tile(const TileArgs& args) {
  constexpr int kPanelVecs = kBlocks * kVecs;
  constexpr int kCols = kWidth<kBlocks> < kPanelVecs ? kWidth<kBlocks> : kPanelVecs;
  static_assert(kPanelVecs % kCols == 0);
  for (int first = 0; first < kPanelVecs; first += kCols) {
    TileStrip<kRows, kBlocks, kCols>(args, first);
  }
}

template <int kRows, int kBlocks>
constexpr void FillTiles(TileKernels& kernels) {
  kernels.tile[kBlocks][kRows] = &Tile<kRows, kBlocks>;
  if constexpr (kRows > 1) FillTiles<kRows - 1, kBlocks>(kernels);
}

constexpr TileKernels MakeTileKernels() {
  TileKernels kernels{};
  kernels.conv_panel_blocks = kConvPanelBlocks;
  for (int i = 0; i <= kMaxTileBlocks; ++i) kernels.max_rows[i] = kTileRows[i];
  FillTiles<kTileRows[1], 1>(kernels);
  FillTiles<kTileRows[2], 2>(kernels);
  FillTiles<kTileRows[3], 3>(kernels);
  FillTiles<kTileRows[4], 4>(kernels);
  return kernels;
}

const TileKernels* GetTileKernels() {
  static constexpr TileKernels kKernels = MakeTileKernels();
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetTileKernels);

}  // namespace

const TileKernels& ActiveTileKernels() { return *HWY_DYNAMIC_DISPATCH(GetTileKernels)(); }

void RunTiles(const TileKernels& kernels, int blocks, int64_t n_pixels, TileArgs args) {
  const int64_t max_rows = kernels.max_rows[blocks];
  const int64_t n_tiles = (n_pixels + max_rows - 1) / max_rows;
  const float* in = args.in;
  const float* residual = args.residual;
  float* out = args.out;
  for (int64_t i = 0; i < n_tiles; ++i) {
    const Range pixels = Part(n_pixels, n_tiles, i);
    args.in = in + pixels.begin * kBlock;
    if (args.epilogue != TileEpilogue::kSum) args.out = out + pixels.begin * kBlock;
    if (residual != nullptr) args.residual = residual + pixels.begin * kBlock;
    kernels.tile[blocks][pixels.size()](args);
  }
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
