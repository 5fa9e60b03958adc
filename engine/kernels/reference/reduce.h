// Reductions of a tensor along any axes, by plain loops.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "engine/base/stop_check.h"
#include "engine/kernels/reference/binary.h"
#include "engine/kernels/reference/convert.h"
#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/loop_nest.h"

namespace wnn::kernels {

// What a reduction adds up in: double for the floats, so that long sums keep their digits; the type
// itself for integers, which wrap.
template <typename T>
using Accumulator = std::conditional_t<kIsFloating<T>, double, T>;

// A reducer over T: Start() gives the accumulator, Step() takes an element into it, and Finish()
// makes the result of `n` elements.
template <typename T>
struct SumReducer {
  using A = Accumulator<T>;
  static A Start() { return A{0}; }
  static A Step(A a, Compute<T> x) { return Add()(a, static_cast<A>(x)); }
  static A Finish(A a, int64_t) { return a; }
};
template <typename T>
struct MeanReducer : SumReducer<T> {
  using A = Accumulator<T>;
  static A Finish(A a, int64_t n) { return Div()(a, static_cast<A>(n)); }
};
template <typename T>
struct SumSquareReducer : SumReducer<T> {
  using A = Accumulator<T>;
  static A Step(A a, Compute<T> x) { return Add()(a, Mul()(static_cast<A>(x), static_cast<A>(x))); }
};
template <typename T>
struct L2Reducer : SumSquareReducer<T> {
  using A = Accumulator<T>;
  static A Finish(A a, int64_t) { return Convert<A>(std::sqrt(static_cast<double>(a))); }
};
template <typename T>
struct L1Reducer : SumReducer<T> {
  using A = Accumulator<T>;
  static A Step(A a, Compute<T> x) {
    const A value = static_cast<A>(x);
    return value < A{0} ? Sub()(a, value) : Add()(a, value);
  }
};
template <typename T>
struct LogSumReducer : SumReducer<T> {
  using A = Accumulator<T>;
  static A Finish(A a, int64_t) { return Convert<A>(std::log(static_cast<double>(a))); }
};
template <typename T>
struct ProdReducer {
  using A = Accumulator<T>;
  static A Start() { return A{1}; }
  static A Step(A a, Compute<T> x) { return Mul()(a, static_cast<A>(x)); }
  static A Finish(A a, int64_t) { return a; }
};
// NaN wins. Nothing at all reduces to the lowest (highest) number that T has.
template <typename T>
struct MaxReducer {
  using A = Compute<T>;
  static A Start() {
    using L = std::numeric_limits<A>;
    return L::has_infinity ? -L::infinity() : L::lowest();
  }
  static A Step(A a, A x) { return x > a || x != x ? x : a; }
  static A Finish(A a, int64_t) { return a; }
};
template <typename T>
struct MinReducer {
  using A = Compute<T>;
  static A Start() {
    using L = std::numeric_limits<A>;
    return L::has_infinity ? L::infinity() : L::max();
  }
  static A Step(A a, A x) { return x < a || x != x ? x : a; }
  static A Finish(A a, int64_t) { return a; }
};

// `kept` walks over (output, input) of the dimensions that stay, `reduced` over the input's others.
template <typename T, typename Reducer>
void Reduce(const LoopNest<2>& kept, const LoopNest<1>& reduced, int64_t n_reduced, const T* in,
            T* out, Parallel& parallel) {
  const int64_t out_stride = kept.inner_strides()[0], in_stride = kept.inner_strides()[1];
  const int64_t reduced_stride = reduced.inner_strides()[0];
  constexpr int64_t kStep = 4096;  // elements between two looks at the deadline
  auto one = [&](int64_t out_at, int64_t in_at, StopCheck& check) {
    auto accumulator = Reducer::Start();
    reduced.ForRows(0, reduced.n_rows(), [&](const LoopNest<1>::Offsets& at) {
      const T* from = in + in_at + at[0];
      for (int64_t begin = 0; begin < reduced.inner_extent(); begin += kStep) {
        const int64_t end = std::min(begin + kStep, reduced.inner_extent());
        // Far apart, elements wait for memory.
        if (check.Stopped((end - begin) * (reduced_stride == 1 ? 1 : 16))) return;
        for (int64_t i = begin; i < end; ++i) {
          accumulator = Reducer::Step(accumulator, Widen(from[i * reduced_stride]));
        }
      }
    });
    out[out_at] = Narrow<T>(static_cast<Compute<T>>(Reducer::Finish(accumulator, n_reduced)));
  };
  // The cost is that of the elements read: shared out by output elements.
  const int64_t n_out = kept.n_rows() * kept.inner_extent();
  const int64_t grain = std::max<int64_t>(kElementsPerTask / std::max<int64_t>(n_reduced, 1), 1);
  if (kept.n_rows() == 0) return;
  ForRanges(parallel, n_out, grain, [&](int64_t begin, int64_t end) {
    StopCheck check(parallel);
    const int64_t inner = kept.inner_extent();
    const int64_t first_row = begin / inner, end_row = (end + inner - 1) / inner;
    int64_t row = first_row;
    kept.ForRows(first_row, end_row, [&](const LoopNest<2>::Offsets& at) {
      const int64_t from = std::max(begin - row * inner, int64_t{0});
      const int64_t to = std::min(end - row * inner, inner);
      for (int64_t i = from; i < to; ++i) {
        one(at[0] + i * out_stride, at[1] + i * in_stride, check);
      }
      ++row;
    });
  });
}

}  // namespace wnn::kernels
