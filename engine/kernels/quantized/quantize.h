// Floats to 8- and 16-bit integers with one scale, in loops that compilers turn into vectors.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "engine/base/stop_check.h"

namespace wnn::kernels {

// x to the nearest integer, ties to even. REQUIRES: |x| < 2^22. Adding 1.5 * 2^23 leaves no bits
// for a fraction.
inline float RoundSmall(float x) {
  constexpr float kNoFraction = 12582912.0f;
  return (x + kNoFraction) - kNoFraction;
}

// q = saturate(round(x / scale) + zero point); a NaN gives the lowest value.
template <typename Q>
Q QuantizeOne(float x, float scale, int32_t zero_point) {
  // Beyond what any 16-bit result can need, and within what RoundSmall() takes.
  constexpr float kBound = 131072.0f;
  using Limits = std::numeric_limits<Q>;
  float value = x / scale;
  value = value > -kBound ? value : -kBound;
  value = value < kBound ? value : kBound;
  const int32_t rounded = static_cast<int32_t>(RoundSmall(value)) + zero_point;
  return static_cast<Q>(
      std::min<int32_t>(std::max<int32_t>(rounded, Limits::min()), Limits::max()));
}

template <typename Q>
void QuantizeTo(const float* x, int64_t n, float scale, int32_t zero_point, Q* q) {
  for (int64_t i = 0; i < n; ++i) q[i] = QuantizeOne<Q>(x[i], scale, zero_point);
}

// The uint8 scale and zero point of DynamicQuantizeLinear for the range of x, 0 included. Of
// nothing but zeros the scale is 1, as ONNX Runtime has it: ONNX says only that it is not 0.
struct DynamicScale {
  float scale = 1;
  int32_t zero_point = 0;
};
inline DynamicScale DynamicRange(const float* x, int64_t n, Parallel& parallel) {
  float low = 0, high = 0;
  InSteps(parallel, n, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
    }
  });
  DynamicScale range;
  if (const float scale = (high - low) / 255; scale > 0) range.scale = scale;
  // Infinities divide to no number.
  const float zero = -low / range.scale;
  if (zero > 0) range.zero_point = static_cast<int32_t>(std::nearbyint(std::min(zero, 255.0f)));
  return range;
}

}  // namespace wnn::kernels
