#include "engine/kernels/blocked/tile.h"

#include "engine/kernels/blocked/schedule.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/tile.cc"
#include "hwy/foreach_target.h"

#include "engine/kernels/blocked/simd-inl.h"
#include "engine/kernels/blocked/tile-inl.h"

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
