// Resampling of one axis at a time: each output position is a weighted sum of input positions along
// that axis (Resize, Upsample).
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "engine/kernels/reference/parallel_for.h"

namespace wnn::kernels {

// What each output position of an axis reads. Positions are clamped into the input beforehand.
struct AxisTaps {
  int64_t in = 1;
  int64_t out = 1;
  int64_t n_taps = 1;
  std::vector<int64_t> position;  // [out][n_taps]
  std::vector<double> weight;     // [out][n_taps]
  std::vector<bool> outside;      // [out]: takes the extrapolation value; empty if none does
};

// ResampleAxis for the innermost axis, whose elements lie next to each other.
template <typename C>
void ResampleRows(const AxisTaps& taps, int64_t outer, C extrapolation, const C* in, C* out,
                  Parallel& parallel) {
  const int64_t n = taps.n_taps;
  const int64_t grain = std::max<int64_t>(kElementsPerTask / (taps.out * n), 1);
  ForRanges(parallel, outer, grain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const C* from = in + row * taps.in;
      C* to = out + row * taps.out;
      const int64_t* position = taps.position.data();
      const double* weight = taps.weight.data();
      for (int64_t i = 0; i < taps.out; ++i, position += n, weight += n) {
        C sum{0};
        for (int64_t k = 0; k < n; ++k) {
          if (weight[k] != 0) sum += static_cast<C>(weight[k]) * from[position[k]];
        }
        to[i] = sum;
      }
      for (size_t i = 0; i < taps.outside.size(); ++i) {
        if (taps.outside[i]) to[i] = extrapolation;
      }
    }
  });
}

// out[outer][taps.out][inner] from in[outer][taps.in][inner], in C's arithmetic (float, double).
template <typename C>
void ResampleAxis(const AxisTaps& taps, int64_t outer, int64_t inner, C extrapolation, const C* in,
                  C* out, Parallel& parallel) {
  if (inner == 1) return ResampleRows(taps, outer, extrapolation, in, out, parallel);
  auto row = [&](int64_t image, int64_t position) {
    const C* from = in + image * taps.in * inner;
    C* to = out + (image * taps.out + position) * inner;
    if (!taps.outside.empty() && taps.outside[static_cast<size_t>(position)]) {
      std::fill(to, to + inner, extrapolation);
      return;
    }
    const size_t first = static_cast<size_t>(position * taps.n_taps);
    for (size_t k = first; k < first + static_cast<size_t>(taps.n_taps); ++k) {
      const C weight = static_cast<C>(taps.weight[k]);
      const C* source = from + taps.position[k] * inner;
      if (k == first) std::fill(to, to + inner, C{0});
      if (weight == C{0}) continue;  // whatever lies there, an infinity too
      for (int64_t i = 0; i < inner; ++i) to[i] += weight * source[i];
    }
  };
  const int64_t grain = std::max<int64_t>(kElementsPerTask / (inner * taps.n_taps), 1);
  ForRanges(parallel, outer * taps.out, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) row(i / taps.out, i % taps.out);
  });
}

}  // namespace wnn::kernels
