// Matrices of integers of 2, 4 or 8 bits, each block of a row of which has its scale and zero
// point, as ONNX Runtime's QMoE has them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/parallel.h"

namespace wnn::ops {

// Integer i of those of so many bits, the first in a byte's low ones.
inline int IntegerAt(const std::byte* bytes, int64_t i, int64_t bits) {
  const int64_t at = i * bits;
  return std::to_integer<int>(bytes[at / 8]) >> (at % 8) & ((1 << bits) - 1);
}

// n rows of k integers. Lifetime: borrowed.
struct IntegerRows {
  int64_t n = 0, k = 0;
  int64_t bits = 4, block = 32;
  const std::byte* data = nullptr;  // n rows of row_bytes()
  const float* scales = nullptr;    // [n][blocks()]
  // The zero points, if any: that of block b of row r after r * zero_stride + b others. Without
  // them they are in the middle of the range.
  const std::byte* zeros = nullptr;
  int64_t zero_stride = 0;

  int64_t blocks() const { return (k + block - 1) / block; }
  // Whole blocks.
  int64_t row_bytes() const { return blocks() * (block * bits / 8); }
};

// (integer - zero point) * scale of each, as [n][k]. Ends early once `stop` is stopped.
void Dequantize(const IntegerRows& rows, float* to, Parallel& stop);

}  // namespace wnn::ops
