#include "engine/ops/integer_rows.h"

#include <algorithm>

#include "engine/base/stop_check.h"

namespace wnn::ops {

void Dequantize(const IntegerRows& rows, float* to, Parallel& stop) {
  StopCheck check(stop);
  const int64_t n_blocks = rows.blocks();
  const auto middle = static_cast<float>(1 << (rows.bits - 1));
  const auto zero_of = [&](int64_t row, int64_t block) {
    if (rows.zeros == nullptr) return middle;
    return static_cast<float>(IntegerAt(rows.zeros, row * rows.zero_stride + block, rows.bits));
  };
  for (int64_t row = 0; row < rows.n; ++row) {
    const std::byte* from = rows.data + row * rows.row_bytes();
    const float* scales = rows.scales + row * n_blocks;
    for (int64_t block = 0; block < n_blocks; ++block) {
      const int64_t begin = block * rows.block, end = std::min(begin + rows.block, rows.k);
      if (check.Stopped(4 * (end - begin))) return;
      const float scale = scales[block], zero = zero_of(row, block);
      for (int64_t i = begin; i < end; ++i) {
        *to++ = (static_cast<float>(IntegerAt(from, i, rows.bits)) - zero) * scale;
      }
    }
  }
}

}  // namespace wnn::ops
