// The inner loop of everything quantised: products of 8-bit integers, exact in 32 bits.
//
//   out[r][p] = sum over steps s and bytes j of in[s][p][j] * weights[s][r][j]
//
// in which four bytes that are multiplied together, a quad, lie together. `in` is unsigned: lanes
// are pixels of a convolution or columns of a matrix. `weights` is signed: rows are channels of the
// output or rows of a matrix. Sums wrap around at 32 bits and never saturate on the way.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wnn::kernels {

// Lanes that a tile works on at once; a strip is up to kMaxStripVectors of them.
inline constexpr int64_t kQuadLanes = 16;
inline constexpr int kMaxStripVectors = 3;
inline constexpr int64_t kMaxStrip = kQuadLanes * kMaxStripVectors;
// Rows of a tile: 8, 4, 2 or 1.
inline constexpr int64_t kMaxQuadRows = 8;
inline constexpr int kQuadRowSizes = 4;

// Lifetime: borrows everything for the call. Any alignment.
struct QuadTileArgs {
  const uint8_t* in = nullptr;            // lane p of step s: 4 bytes at in + step_offsets[s] + 4 p
  const int64_t* step_offsets = nullptr;  // [n_steps], bytes
  int64_t n_steps = 0;
  const std::byte* weights = nullptr;  // [n_steps][rows] quads, as PackQuad() writes them
  int32_t* out = nullptr;              // [rows][kMaxStrip]
};
using QuadTileFn = void (*)(const QuadTileArgs&);

// One instruction set's tiles.
struct QuadTiles {
  // 4: a quad is its four bytes. 8: it is the words (0, 2, 1, 3), for sets that multiply words.
  int64_t quad_bytes = 4;
  QuadTileFn tile[kMaxStripVectors + 1][kQuadRowSizes] = {};  // [vectors][log2 of rows]
};

// Those of the active instruction set. Lifetime: static.
const QuadTiles& ActiveQuadTiles();
// The same without instructions for quads (AVX512-VNNI).
const QuadTiles& WordQuadTiles();
// Null where the machine has no AVX512-VNNI.
const QuadTiles* VnniQuadTiles();

// Writes a quad of signed bytes in the form that the tiles read.
inline void PackQuad(const int8_t quad[4], int64_t quad_bytes, std::byte* to) {
  if (quad_bytes == 4) {
    for (int j = 0; j < 4; ++j) to[j] = static_cast<std::byte>(quad[j]);
    return;
  }
  constexpr int kOrder[4] = {0, 2, 1, 3};
  for (int j = 0; j < 4; ++j) {
    const auto word = static_cast<uint16_t>(static_cast<int16_t>(quad[kOrder[j]]));
    to[2 * j] = static_cast<std::byte>(word & 0xff);
    to[2 * j + 1] = static_cast<std::byte>(word >> 8);
  }
}

// The rows of the tile that begins at row `at` of `rows`: 8 as long as there are so many, then the
// smallest size that covers the rest.
inline int QuadRowsLog2(int64_t rows_left) {
  if (rows_left >= 5) return 3;
  if (rows_left >= 3) return 2;
  return rows_left == 2 ? 1 : 0;
}

// What makes a result of a sum: row r, lane p
//   total = sum + row_add[r] + lane_add[p] - row_zero[r] * lane_sum[p]
//           - lane_zero[p] * row_sum[r]
// as a 32-bit integer that wraps around; then, unless the output is the integer itself,
//   real = total * row_scale[r] * lane_scale[p] + lane_bias[p]
// and for 8-bit outputs round(real) + zero point, ties to even, saturated. Null pointers leave
// their term out. Pointers of lanes are those of the strip's first.
struct QuadEpilogue {
  enum class Output : uint8_t { kInt32, kFloat, kUint8, kInt8 };

  Output output = Output::kInt32;
  int32_t zero_point = 0;
  const int32_t* row_add = nullptr;
  const int32_t* lane_add = nullptr;
  const int32_t* row_zero = nullptr;
  const int32_t* row_sum = nullptr;
  const int32_t* lane_sum = nullptr;
  const int32_t* lane_zero = nullptr;
  const float* row_scale = nullptr;
  const float* lane_scale = nullptr;
  const float* lane_bias = nullptr;
};

// Finishes rows [first_row, first_row + n_rows) of a strip of n lanes: `sums` holds
// [n_rows][kMaxStrip]; row i goes to out + i * out_stride bytes, whole vectors, so that there must
// be room for a multiple of kQuadLanes elements.
void FinishQuadRows(const QuadEpilogue& epilogue, int64_t first_row, int64_t n_rows, int64_t n,
                    const int32_t* sums, std::byte* out, int64_t out_stride);

// out[4 i + j] = in[j][i] ^ flip for i < n: four rows of bytes to quads. A null row gives `fill`.
void InterleaveQuads(const uint8_t* const in[4], int64_t n, uint8_t flip, uint8_t fill,
                     uint8_t* out);
// out[4 i + j] = in[stride * i + j] for i < n: windows of four bytes. Reads 16 bytes from the last
// window on.
void SlidingQuads(const uint8_t* in, int64_t n, int64_t stride, uint8_t* out);

}  // namespace wnn::kernels
