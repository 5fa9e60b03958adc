// Pooling in NCHW (NCW, NCDHW) by plain loops.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "engine/base/parallel.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/window.h"

namespace wnn::kernels {

// Calls body(out_index, taps of each dimension, input position of tap 0 of each dimension, a
// StopCheck) for every output position of one plane, until `parallel` is stopped.
template <typename Body>
void ForWindows(const Window& w, Parallel& parallel, Body&& body) {
  StopCheck check(parallel);
  int64_t out = 0;
  for (int64_t od = 0; od < w.out[0]; ++od) {
    const Range d = TapsInside(w, 0, od);
    for (int64_t oh = 0; oh < w.out[1]; ++oh) {
      const Range h = TapsInside(w, 1, oh);
      for (int64_t ow = 0; ow < w.out[2]; ++ow, ++out) {
        if (check.Stopped(8)) return;
        body(out, std::array<Range, 3>{d, h, TapsInside(w, 2, ow)},
             std::array<int64_t, 3>{od * w.stride[0] - w.pad_begin[0],
                                    oh * w.stride[1] - w.pad_begin[1],
                                    ow * w.stride[2] - w.pad_begin[2]},
             check);
      }
    }
  }
}

// Calls body(offset into the plane) for every input element of a window, until `check` says so.
template <typename Body>
void ForTaps(const Window& w, const std::array<Range, 3>& taps, const std::array<int64_t, 3>& start,
             StopCheck& check, Body&& body) {
  constexpr int64_t kStep = 4096;  // elements between two looks
  for (int64_t kd = taps[0].begin; kd < taps[0].end; ++kd) {
    for (int64_t kh = taps[1].begin; kh < taps[1].end; ++kh) {
      const int64_t row =
          ((start[0] + kd * w.dilation[0]) * w.in[1] + start[1] + kh * w.dilation[1]) * w.in[2] +
          start[2];
      for (int64_t begin = taps[2].begin; begin < taps[2].end; begin += kStep) {
        const int64_t end = std::min(taps[2].end, begin + kStep);
        if (check.Stopped(end - begin)) return;
        for (int64_t kw = begin; kw < end; ++kw) body(row + kw * w.dilation[2]);
      }
    }
  }
}

// The largest element of each window; -infinity (or the lowest integer) for an empty one; a NaN
// wins. `indices`, if not null, takes its index into the whole of x.
template <typename T>
void MaxPoolReference(const Window& w, int64_t n_planes, const T* x, T* y, int64_t* indices,
                      Parallel& parallel) {
  parallel.ForEach(static_cast<size_t>(n_planes), [&](size_t plane, int) {
    const int64_t first_in = static_cast<int64_t>(plane) * w.in_size();
    const int64_t first_out = static_cast<int64_t>(plane) * w.out_size();
    const T* in = x + first_in;
    ForWindows(w, parallel,
               [&](int64_t out, const auto& taps, const auto& start, StopCheck& check) {
                 int64_t best = -1;
                 Compute<T> best_value{};
                 ForTaps(w, taps, start, check, [&](int64_t offset) {
                   const Compute<T> value = Widen(in[offset]);
                   if (best < 0 || value > best_value || value != value) {
                     best = offset;
                     best_value = value;
                   }
                 });
                 if (best < 0) {
                   using Limits = std::numeric_limits<Compute<T>>;
                   best_value = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
                 }
                 y[first_out + out] = Narrow<T>(best_value);
                 if (indices != nullptr)
                   indices[first_out + out] = first_in + std::max<int64_t>(best, 0);
               });
  });
}

// Rows of bytes up to this width go through ByteMaxPool().
inline constexpr int64_t kMaxByteRow = 2048;

inline bool ByteMaxPoolFits(const Window& w) {
  return w.dilation == std::array<int64_t, 3>{1, 1, 1} &&
         w.out[2] * w.stride[2] + w.kernel[2] <= kMaxByteRow;
}

// MaxPoolReference for bytes, without indices: the largest of the window's rows first, which
// compilers make vectors of, then of its columns. REQUIRES: ByteMaxPoolFits(w).
template <typename T>
void ByteMaxPool(const Window& w, int64_t n_planes, const T* x, T* y, Parallel& parallel) {
  static_assert(sizeof(T) == 1);
  parallel.ForEach(static_cast<size_t>(n_planes), [&](size_t plane, int) {
    const T* in = x + static_cast<int64_t>(plane) * w.in_size();
    T* out = y + static_cast<int64_t>(plane) * w.out_size();
    T row[kMaxByteRow];  // padded
    StopCheck check(parallel);
    const int64_t pad = w.pad_begin[2];
    const int64_t width = w.out[2] * w.stride[2] + w.kernel[2];
    const int64_t live = std::min(w.in[2], width - pad);
    for (int64_t od = 0; od < w.out[0]; ++od) {
      const Range d = TapsInside(w, 0, od);
      for (int64_t oh = 0; oh < w.out[1]; ++oh, out += w.out[2]) {
        const Range h = TapsInside(w, 1, oh);
        // Columns of `row` one by one, 32 bytes of the rows at once.
        if (check.Stopped(w.out[2] * w.kernel[2] + d.size() * h.size() * (width / 32))) return;
        std::fill_n(row, width, std::numeric_limits<T>::min());
        for (int64_t kd = d.begin; kd < d.end; ++kd) {
          for (int64_t kh = h.begin; kh < h.end; ++kh) {
            const int64_t z = od * w.stride[0] - w.pad_begin[0] + kd;
            const int64_t line = oh * w.stride[1] - w.pad_begin[1] + kh;
            const T* from = in + (z * w.in[1] + line) * w.in[2];
            for (int64_t i = 0; i < live; ++i) row[pad + i] = std::max(row[pad + i], from[i]);
          }
        }
        for (int64_t i = 0; i < w.out[2]; ++i) {
          T best = row[i * w.stride[2]];
          for (int64_t k = 1; k < w.kernel[2]; ++k) best = std::max(best, row[i * w.stride[2] + k]);
          out[i] = best;
        }
      }
    }
  });
}

// How many elements an average divides by: those inside the input, or those inside the padded one.
inline int64_t WindowElements(const Window& w, bool count_padding, const std::array<Range, 3>& taps,
                              const std::array<int64_t, 3>& start) {
  int64_t count = 1;
  for (size_t d = 0; d < 3; ++d) {
    if (!count_padding) {
      count *= taps[d].size();
      continue;
    }
    // With ceil_mode a window may even leave the padding: what lies beyond is not counted.
    const int64_t room = w.in[d] + w.pad_end[d] - start[d];
    count *= std::min(w.kernel[d], (room + w.dilation[d] - 1) / w.dilation[d]);
  }
  return count;
}

template <typename T>
void AveragePoolReference(const Window& w, int64_t n_planes, bool count_padding, const T* x, T* y,
                          Parallel& parallel) {
  // Sums of many elements keep their digits in double.
  parallel.ForEach(static_cast<size_t>(n_planes), [&](size_t plane, int) {
    const T* in = x + static_cast<int64_t>(plane) * w.in_size();
    T* out_plane = y + static_cast<int64_t>(plane) * w.out_size();
    ForWindows(w, parallel,
               [&](int64_t out, const auto& taps, const auto& start, StopCheck& check) {
                 double sum = 0;
                 ForTaps(w, taps, start, check, [&](int64_t offset) { sum += Widen(in[offset]); });
                 const int64_t count = WindowElements(w, count_padding, taps, start);
                 sum = count > 0 ? sum / static_cast<double>(count) : 0.0;
                 out_plane[out] = Narrow<T>(static_cast<Compute<T>>(sum));
               });
  });
}

}  // namespace wnn::kernels
