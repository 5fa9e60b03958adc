// Half-open ranges of indices, and the arithmetic of cutting them.
#pragma once

#include <cstdint>

namespace wnn::kernels {

// [begin, end).
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
};

// Part i of [0, n) cut into `parts` pieces whose sizes differ by at most one.
constexpr Range Part(int64_t n, int64_t parts, int64_t i) {
  return {n * i / parts, n * (i + 1) / parts};
}

// a / b and the next multiple of b, rounded up. REQUIRES: a >= 0, b > 0, and a + b fits.
constexpr int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
constexpr int64_t RoundUp(int64_t a, int64_t b) { return CeilDiv(a, b) * b; }

}  // namespace wnn::kernels
