// Tiles over one strip of lanes and all rows: what convolution and matrix product share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "engine/kernels/quantized/quad_tile.h"

namespace wnn::kernels {

// Bytes of packed rows: whole tiles, the last as small as QuadRowsLog2() allows.
inline int64_t PackedQuadRowsBytes(const QuadTiles& tiles, int64_t rows, int64_t n_steps) {
  const int64_t whole = rows / kMaxQuadRows * kMaxQuadRows, rest = rows - whole;
  const int64_t padded = whole + (rest == 0 ? 0 : int64_t{1} << QuadRowsLog2(rest));
  return padded * n_steps * tiles.quad_bytes;
}

// Packs rows as the tiles read them: [tile][step][row of the tile]. `read(row, step, quad)` gives
// the bytes; rows that only fill up a tile are zeros.
template <typename Read>
void PackQuadRows(const QuadTiles& tiles, int64_t first, int64_t end, int64_t rows, int64_t n_steps,
                  std::byte* to, Read&& read) {
  for (int64_t tile = first; tile < end; tile += kMaxQuadRows) {
    const int64_t height = int64_t{1} << QuadRowsLog2(rows - tile);
    std::byte* at = to + tile * n_steps * tiles.quad_bytes;
    for (int64_t s = 0; s < n_steps; ++s) {
      for (int64_t r = 0; r < height; ++r, at += tiles.quad_bytes) {
        int8_t quad[4] = {0, 0, 0, 0};
        if (tile + r < rows) read(tile + r, s, quad);
        PackQuad(quad, tiles.quad_bytes, at);
      }
    }
  }
}

// Calls store(first row, number of rows, sums) for the tiles that are rows [first, end) of n <=
// kMaxStrip lanes. REQUIRES: `first` is a multiple of kMaxQuadRows.
template <typename Store>
void RunQuadStrip(const QuadTiles& tiles, const uint8_t* in, std::span<const int64_t> step_offsets,
                  const std::byte* rows_packed, int64_t rows, int64_t first, int64_t end, int64_t n,
                  Store&& store) {
  alignas(64) int32_t sums[kMaxQuadRows * kMaxStrip];
  const auto n_steps = static_cast<int64_t>(step_offsets.size());
  const auto vectors = static_cast<size_t>((n + kQuadLanes - 1) / kQuadLanes);
  QuadTileArgs args;
  args.in = in;
  args.step_offsets = step_offsets.data();
  args.n_steps = n_steps;
  args.out = sums;
  for (int64_t tile = first; tile < end; tile += kMaxQuadRows) {
    args.weights = rows_packed + tile * n_steps * tiles.quad_bytes;
    tiles.tile[vectors][QuadRowsLog2(rows - tile)](args);
    store(tile, std::min(kMaxQuadRows, end - tile), sums);
  }
}

}  // namespace wnn::kernels
