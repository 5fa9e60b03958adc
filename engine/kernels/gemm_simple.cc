#include "engine/kernels/gemm_simple.h"

#include <algorithm>
#include <cstring>

namespace wnn::kernels {
namespace {

// Four floats: what SSE2, NEON and Wasm SIMD all have. The compiler maps it to wider registers or
// to scalars where it must.
using Vec = float __attribute__((vector_size(16)));
constexpr int kVecsPerPanel = kGemmColumns / 4;

// Sums of at most this many products are added to a total: the error grows with the block's length
// and the number of blocks, not with their product.
constexpr int64_t kSumBlock = 256;

Vec LoadVec(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}

// The register tile: kRows x kGemmColumns sums.
template <int kRows>
void Tile(const GemmOperandA& a, int64_t first_row, const float* panel, int64_t k, float* result) {
  Vec total[kRows][kVecsPerPanel] = {};
  const float* a_rows[kRows];
  for (int r = 0; r < kRows; ++r) a_rows[r] = a.data + (first_row + r) * a.row_stride;
  for (int64_t begin = 0; begin < k; begin += kSumBlock) {
    Vec sum[kRows][kVecsPerPanel] = {};
    const int64_t end = std::min(k, begin + kSumBlock);
    for (int64_t i = begin; i < end; ++i) {
      const Vec b0 = LoadVec(panel + i * kGemmColumns);
      const Vec b1 = LoadVec(panel + i * kGemmColumns + 4);
      for (int r = 0; r < kRows; ++r) {
        const float value = a_rows[r][i * a.k_stride];
        sum[r][0] += b0 * value;
        sum[r][1] += b1 * value;
      }
    }
    for (int r = 0; r < kRows; ++r) {
      total[r][0] += sum[r][0];
      total[r][1] += sum[r][1];
    }
  }
  std::memcpy(result, total, sizeof(total));
}

void TileOf(int rows, const GemmOperandA& a, int64_t first_row, const float* panel, int64_t k,
            float* result) {
  switch (rows) {
    case 1: return Tile<1>(a, first_row, panel, k, result);
    case 2: return Tile<2>(a, first_row, panel, k, result);
    case 3: return Tile<3>(a, first_row, panel, k, result);
    default: return Tile<4>(a, first_row, panel, k, result);
  }
}

}  // namespace

void PackGemmColumns(const float* b, int64_t k_stride, int64_t n_stride, int64_t k, int64_t n,
                     float* packed) {
  for (int64_t first = 0; first < n; first += kGemmColumns) {
    const int64_t columns = std::min(kGemmColumns, n - first);
    for (int64_t i = 0; i < k; ++i, packed += kGemmColumns) {
      const float* row = b + i * k_stride + first * n_stride;
      for (int64_t j = 0; j < columns; ++j) packed[j] = row[j * n_stride];
      std::fill(packed + columns, packed + kGemmColumns, 0.0f);
    }
  }
}

void GemmPanel(const GemmOperandA& a, int64_t rows, const float* panel, int64_t columns, int64_t k,
               const float* row_bias, float* c, int64_t c_row_stride) {
  float tile[kGemmRows * kGemmColumns];
  for (int64_t row = 0; row < rows; row += kGemmRows) {
    const int n_rows = static_cast<int>(std::min(kGemmRows, rows - row));
    TileOf(n_rows, a, row, panel, k, tile);
    for (int r = 0; r < n_rows; ++r) {
      const float bias = row_bias != nullptr ? row_bias[row + r] : 0.0f;
      float* out = c + (row + r) * c_row_stride;
      const float* from = tile + r * kGemmColumns;
      for (int64_t j = 0; j < columns; ++j) out[j] = from[j] + bias;
    }
  }
}

}  // namespace wnn::kernels
