// The register tile: the one inner loop of pointwise, direct and Winograd convolution and of GEMM.
//
//   out[m][n] = sum over taps t and channels k of in[t][m][k] * weights[t][k][n]
//
// for `rows` pixels m and `blocks` 16-channel blocks n, kept in registers. Accuracy: accumulators
// start from zero, go to memory and start again every kFlushSteps steps, and bias comes last. The
// order of additions depends on nothing but the sizes of the convolution, so results do not depend
// on how pixels are cut into tiles or tiles into tasks.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/kernels/blocked/layout.h"

namespace wnn::kernels {

inline constexpr int kMaxTileBlocks = 4;
inline constexpr int kMaxTileRows = 14;
inline constexpr int kFlushSteps = 128;

enum class TileEpilogue {
  kRaw,    // out = sum
  kStore,  // out = clamp(sum + bias [+ residual])
  kSum,    // out[n] += sum over m of clamp(sum + bias): one pixel, for global average pooling
};

// The tap_offsets of a single tap.
inline constexpr int64_t kOneTap = 0;

// Lifetime: borrows everything for the call. Pointers are 64-byte aligned.
struct TileArgs {
  const float* in = nullptr;              // the first pixel of the first channel block
  const int64_t* tap_offsets = &kOneTap;  // [n_taps]: floats from `in` to the tap's first pixel
  int64_t n_taps = 1;
  int64_t in_block_stride = 0;      // floats between channel blocks of the input
  int64_t channels = 0;             // per tap; a tail that is no multiple of 16 costs what it needs
  const float* weights = nullptr;   // [n_taps][channels][blocks * 16]
  const float* bias = nullptr;      // [blocks * 16]; unused by kRaw
  const float* residual = nullptr;  // like out; null if there is none
  int64_t residual_block_stride = 0;
  float* out = nullptr;  // [rows][16] in each block
  int64_t out_block_stride = 0;
  Clamp clamp = {};
  TileEpilogue epilogue = TileEpilogue::kStore;
};

using TileFn = void (*)(const TileArgs&);

// One instruction set's tiles. A tile of every width up to kMaxTileBlocks and height up to
// max_rows[blocks] exists.
struct TileKernels {
  int conv_panel_blocks;  // the width that suits this target's registers best for convolution
  int max_rows[kMaxTileBlocks + 1];
  TileFn tile[kMaxTileBlocks + 1][kMaxTileRows + 1];
};

// Those of the active instruction set. Lifetime: static.
const TileKernels& ActiveTileKernels();

// Runs tiles over `n_pixels` contiguous pixels, cut evenly. `args` describes the first pixel.
void RunTiles(const TileKernels& kernels, int blocks, int64_t n_pixels, TileArgs args);

}  // namespace wnn::kernels
