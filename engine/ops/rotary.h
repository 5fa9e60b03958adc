// How rotary embeddings turn a head.
#pragma once

#include <algorithm>
#include <cstdint>

namespace wnn::ops {

// Pairs of the first `turned` elements of a head of `size` turn by an angle each, whose cosine and
// sine are given: neighbours where `interleaved`, else an element of each half. `y` may be `x`.
inline void TurnHead(const float* x, const float* cos, const float* sin, int64_t turned,
                     int64_t size, bool interleaved, float* y) {
  const int64_t half = turned / 2;
  for (int64_t j = 0; j < half; ++j) {
    const int64_t first = interleaved ? 2 * j : j;
    const int64_t second = interleaved ? 2 * j + 1 : j + half;
    const float a = x[first], b = x[second];
    y[first] = cos[j] * a - sin[j] * b;
    y[second] = sin[j] * a + cos[j] * b;
  }
  if (y != x) std::copy(x + turned, x + size, y + turned);
}

}  // namespace wnn::ops
