// The register tile's code, compiled once per instruction set; see tile.h.
#if defined(WNN_KERNELS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WNN_KERNELS_TILE_INL_H_
#undef WNN_KERNELS_TILE_INL_H_
#else
#define WNN_KERNELS_TILE_INL_H_
#endif

#include "engine/kernels/blocked/simd-inl.h"
#include "engine/kernels/blocked/tile.h"

// wasm: any unrolling of k makes V8 and Cranelift spill (measured: 55 -> 16..33 GFLOPS).
#undef WNN_UNROLL_K
#if HWY_ARCH_WASM
#define WNN_UNROLL_K _Pragma("GCC unroll 1")
#else
#define WNN_UNROLL_K _Pragma("GCC unroll 4")
#endif

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// Shapes that fill the registers: accumulators + one row of weights + one broadcast.
// kWidth: vectors of weights that a tile keeps at once; a wider panel is walked in such strips.
#if HWY_TARGET <= HWY_AVX3  // 32 registers of 16 lanes; 9 x 3 serves odd block counts
inline constexpr int kConvPanelBlocks = 2;
inline constexpr int kTileRows[kMaxTileBlocks + 1] = {0, 14, 14, 9, 6};
template <int kBlocks>
inline constexpr int kWidth = kBlocks;
#elif HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4  // 16 registers: 6 x 2
inline constexpr int kConvPanelBlocks = 1;
inline constexpr int kTileRows[kMaxTileBlocks + 1] = {0, 6, 6, 6, 6};
template <int kBlocks>
inline constexpr int kWidth = 2;
#elif HWY_ARCH_ARM_A64  // 32 registers of 4 lanes: 6 x 4
inline constexpr int kConvPanelBlocks = 1;
inline constexpr int kTileRows[kMaxTileBlocks + 1] = {0, 6, 6, 6, 6};
template <int kBlocks>
inline constexpr int kWidth = 4;
#else  // wasm engines map a handful of vectors to registers; 2 x 4 measured best
inline constexpr int kConvPanelBlocks = 1;
inline constexpr int kTileRows[kMaxTileBlocks + 1] = {0, 2, 2, 2, 2};
template <int kBlocks>
inline constexpr int kWidth = 4;
#endif

// Weights are fetched this far ahead of their use: they stream from L2 or L3.
inline constexpr int kPrefetchFloats = 1024;

template <int kRows, int kCols>
HWY_INLINE void ZeroAll(V (&acc)[kRows][kCols]) {
  WNN_UNROLL for (int m = 0; m < kRows; ++m) {
    WNN_UNROLL for (int n = 0; n < kCols; ++n) acc[m][n] = hn::Zero(D());
  }
}

// acc += a column of pixels times a row of weights.
template <int kRows, int kCols>
HWY_INLINE void TileStep(const float* HWY_RESTRICT in, const float* HWY_RESTRICT weights,
                         V (&acc)[kRows][kCols]) {
  V row[kCols];
  WNN_UNROLL for (int n = 0; n < kCols; ++n) row[n] = Load(weights + n * kLanes);
  WNN_UNROLL for (int m = 0; m < kRows; ++m) {
    const V pixel = Broadcast(in[m * kBlock]);
    WNN_UNROLL for (int n = 0; n < kCols; ++n) acc[m][n] = MulAdd(pixel, row[n], acc[m][n]);
  }
}

// Adds the accumulators to `total` (sets it the first time) and zeroes them.
template <int kRows, int kCols>
HWY_INLINE void Flush(bool first, float* HWY_RESTRICT total, V (&acc)[kRows][kCols]) {
  WNN_UNROLL for (int m = 0; m < kRows; ++m) {
    WNN_UNROLL for (int n = 0; n < kCols; ++n) {
      float* at = total + (m * kCols + n) * kLanes;
      Store(first ? acc[m][n] : hn::Add(acc[m][n], Load(at)), at);
      acc[m][n] = hn::Zero(D());
    }
  }
}

// Vectors [first, first + kCols) of a panel kBlocks wide. Offsets of vector n in a blocked map are
// (n / kVecs) blocks and (n % kVecs) * kLanes floats.
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
    int64_t left = args.channels;
    for (; left >= kBlock; left -= kBlock, in += block_stride) {
      if (steps == kFlushSteps) {
        Flush(!flushed, total, acc);
        flushed = true;
        steps = 0;
      }
      steps += kBlock;
      WNN_UNROLL_K for (int k = 0; k < kBlock; ++k) {
        WNN_UNROLL for (int n = 0; n < kCols; n += kVecs) {
          hwy::Prefetch(w + kPrefetchFloats + n * kLanes);
        }
        TileStep(in + k, w, acc);
        w += kWeightStride;
      }
    }
    if (left == 0) continue;
    if (steps == kFlushSteps) {
      Flush(!flushed, total, acc);
      flushed = true;
      steps = 0;
    }
    // A tail counts as a whole block, so that flushes fall between blocks.
    steps += kBlock;
    for (int64_t k = 0; k < left; ++k) {
      TileStep(in + k, w, acc);
      w += kWeightStride;
    }
  }
  if (flushed) {
    WNN_UNROLL for (int m = 0; m < kRows; ++m) {
      WNN_UNROLL for (int n = 0; n < kCols; ++n) {
        acc[m][n] = hn::Add(acc[m][n], Load(total + (m * kCols + n) * kLanes));
      }
    }
  }
  if (args.epilogue == TileEpilogue::kRaw) {
    WNN_UNROLL for (int n = 0; n < kCols; ++n) {
      const int at = first + n;
      float* HWY_RESTRICT out = args.out + (at / kVecs) * args.out_block_stride +
                                (at % kVecs) * kLanes;
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
      const int at = first + n;
      const float* HWY_RESTRICT residual = args.residual +
                                           (at / kVecs) * args.residual_block_stride +
                                           (at % kVecs) * kLanes;
      WNN_UNROLL for (int m = 0; m < kRows; ++m) {
        acc[m][n] = hn::Add(acc[m][n], Load(residual + m * kBlock));
      }
    }
  }
  WNN_UNROLL for (int n = 0; n < kCols; ++n) {
    const int at = first + n;
    float* HWY_RESTRICT out = args.out + (at / kVecs) * args.out_block_stride +
                              (at % kVecs) * kLanes;
    WNN_UNROLL for (int m = 0; m < kRows; ++m) {
      Store(ClampTo(acc[m][n], min, max), out + m * kBlock);
    }
  }
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

#endif  // per-target include guard
