// Matrix multiplication of any numeric type by plain loops. Single precision has faster kernels.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/binary.h"
#include "engine/kernels/reference/parallel_for.h"

namespace wnn::kernels {

// C[m][n] = A[m][k] B[k][n], with the strides of A's and B's elements; C is dense.
struct MatrixProduct {
  int64_t m = 0, k = 0, n = 0;
  int64_t a_row_stride = 0, a_k_stride = 1;
  int64_t b_k_stride = 0, b_n_stride = 1;
};

// Integers wrap. Every element is summed in the order of k.
template <typename T>
void MultiplyReference(const MatrixProduct& p, const T* a, const T* b, T* c, Parallel& parallel) {
  // Parts of a row between two looks at the deadline.
  constexpr int64_t kStep = 4096;
  auto row = [&](int64_t i, StopCheck& check) {
    const T* a_row = a + i * p.a_row_stride;
    T* c_row = c + i * p.n;
    std::fill(c_row, c_row + p.n, T{0});
    if (p.b_n_stride == 1) {
      for (int64_t k = 0; k < p.k; ++k) {
        if (check.Stopped(p.n)) return;
        const T factor = a_row[k * p.a_k_stride];
        const T* b_row = b + k * p.b_k_stride;
        for (int64_t j = 0; j < p.n; ++j) c_row[j] = Add()(c_row[j], Mul()(factor, b_row[j]));
      }
      return;
    }
    for (int64_t j = 0; j < p.n; ++j) {
      const T* b_column = b + j * p.b_n_stride;
      T sum{0};
      for (int64_t begin = 0; begin < p.k; begin += kStep) {
        const int64_t end = std::min(p.k, begin + kStep);
        if (check.Stopped(end - begin)) return;
        for (int64_t k = begin; k < end; ++k) {
          sum = Add()(sum, Mul()(a_row[k * p.a_k_stride], b_column[k * p.b_k_stride]));
        }
      }
      c_row[j] = sum;
    }
  };
  const int64_t grain = std::max<int64_t>(kElementsPerTask / std::max<int64_t>(p.k * p.n, 1), 1);
  ForRanges(parallel, p.m, grain, [&](int64_t begin, int64_t end) {
    StopCheck check(parallel);
    for (int64_t i = begin; i < end; ++i) row(i, check);
  });
}

}  // namespace wnn::kernels
