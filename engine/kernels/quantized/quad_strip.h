// Tiles over one strip of lanes and all rows: what convolution and matrix product share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>

#include "engine/base/stop_check.h"
#include "engine/kernels/quantized/quad_tile.h"

namespace wnn::kernels {

// Bytes of packed rows: whole tiles, the last as small as QuadRowsLog2() allows.
inline int64_t PackedQuadRowsBytes(const QuadTiles& tiles, int64_t rows, int64_t n_steps) {
  const int64_t whole = rows / kMaxQuadRows * kMaxQuadRows, rest = rows - whole;
  const int64_t padded = whole + (rest == 0 ? 0 : int64_t{1} << QuadRowsLog2(rest));
  return padded * n_steps * tiles.quad_bytes;
}

// Packs rows as the tiles read them: [tile][step][row of the tile], until `check` says stop.
// `read(row, step, quad)` gives the bytes; rows that only fill up a tile are zeros.
template <typename Read>
void PackQuadRows(const QuadTiles& tiles, int64_t first, int64_t end, int64_t rows, int64_t n_steps,
                  std::byte* to, StopCheck& check, Read&& read) {
  constexpr int64_t kReadNs = 20;
  for (int64_t tile = first; tile < end; tile += kMaxQuadRows) {
    const int64_t height = int64_t{1} << QuadRowsLog2(rows - tile);
    std::byte* at = to + tile * n_steps * tiles.quad_bytes;
    for (int64_t s = 0; s < n_steps; ++s) {
      if (check.Stopped(height * kReadNs)) return;
      for (int64_t r = 0; r < height; ++r, at += tiles.quad_bytes) {
        int8_t quad[4] = {0, 0, 0, 0};
        if (tile + r < rows) read(tile + r, s, quad);
        PackQuad(quad, tiles.quad_bytes, at);
      }
    }
  }
}

// Of a product, between two looks whether to stop.
inline constexpr int64_t kMaxQuadSteps = 1 << 18;

inline void AddWrapping(const int32_t* from, size_t n, int32_t* to) {
  for (size_t i = 0; i < n; ++i) {
    to[i] = static_cast<int32_t>(static_cast<uint32_t>(to[i]) + static_cast<uint32_t>(from[i]));
  }
}

// Calls store(first row, number of rows, sums) for the tiles that are rows [first, end) of n <=
// kMaxStrip lanes, until `check` says stop. REQUIRES: `first` is a multiple of kMaxQuadRows.
template <typename Store>
void RunQuadStrip(const QuadTiles& tiles, const uint8_t* in, std::span<const int64_t> step_offsets,
                  const std::byte* rows_packed, int64_t rows, int64_t first, int64_t end, int64_t n,
                  StopCheck& check, Store&& store) {
  constexpr int64_t kStepsPerNs = 4;
  alignas(64) int32_t sums[kMaxQuadRows * kMaxStrip], more[kMaxQuadRows * kMaxStrip];
  const auto n_steps = static_cast<int64_t>(step_offsets.size());
  const auto vectors = static_cast<size_t>((n + kQuadLanes - 1) / kQuadLanes);
  QuadTileArgs args;
  args.in = in;
  for (int64_t tile = first; tile < end; tile += kMaxQuadRows) {
    const int rows_log2 = QuadRowsLog2(rows - tile);
    args.weights = rows_packed + tile * n_steps * tiles.quad_bytes;
    args.step_offsets = step_offsets.data();
    args.out = sums;
    // A stop must be noticed between the steps of a product as long as that, too.
    for (int64_t left = n_steps;;) {
      args.n_steps = std::min(left, kMaxQuadSteps);
      if (check.Stopped((args.n_steps << rows_log2) * static_cast<int64_t>(vectors) /
                        kStepsPerNs)) {
        return;
      }
      tiles.tile[vectors][rows_log2](args);
      if (args.out == more) AddWrapping(more, std::size(sums), sums);
      left -= args.n_steps;
      if (left == 0) break;
      args.weights += (args.n_steps << rows_log2) * tiles.quad_bytes;
      args.step_offsets += args.n_steps;
      args.out = more;
    }
    store(tile, std::min(kMaxQuadRows, end - tile), sums);
  }
}

}  // namespace wnn::kernels
