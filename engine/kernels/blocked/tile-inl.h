// Shapes of the register tiles and handling of their accumulators, for the kernels built on them;
// see tile.h.
#if defined(WNN_KERNELS_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WNN_KERNELS_TILE_INL_H_
#undef WNN_KERNELS_TILE_INL_H_
#else
#define WNN_KERNELS_TILE_INL_H_
#endif

#include "engine/kernels/blocked/simd-inl.h"
#include "engine/kernels/blocked/tile.h"

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// Shapes that fill the registers: accumulators + one row of weights + one broadcast.
// kWidth: vectors of weights that a tile keeps at once; a wider panel is walked in such strips.
#if HWY_TARGET <= HWY_AVX3  // 32 registers of 16 lanes; 9 x 3 serves odd block counts
inline constexpr int kConvPanelBlocks = 2;
inline constexpr int kTileRows[kMaxTileBlocks + 1] = {0, 14, 14, 9, 14};
template <int kBlocks>
inline constexpr int kWidth = kBlocks == 4 ? 2 : kBlocks;
#elif HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_SSE4  // 16 registers: 6 x 2
inline constexpr int kConvPanelBlocks = 1;
inline constexpr int kTileRows[kMaxTileBlocks + 1] = {0, 6, 6, 6, 6};
template <int kBlocks>
inline constexpr int kWidth = 2;
#elif HWY_ARCH_ARM_A64                                  // 32 registers of 4 lanes: 6 x 4
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

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
