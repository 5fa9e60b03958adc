// Functions of two elements, and the loop that broadcasts them.
#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/loop_nest.h"

namespace wnn::kernels {

// Integer arithmetic wraps, as the hardware's: done on the unsigned type of at least int's width.
template <typename T>
using Wrapping = std::make_unsigned_t<std::conditional_t<(sizeof(T) < sizeof(int)), int, T>>;

// Functions with kIgnoresSign give the same bits for integers with a sign as for those without.
struct Add {
  static constexpr bool kIgnoresSign = true;
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<Wrapping<T>>(a) + static_cast<Wrapping<T>>(b));
    } else {
      return a + b;
    }
  }
};
struct Sub {
  static constexpr bool kIgnoresSign = true;
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<Wrapping<T>>(a) - static_cast<Wrapping<T>>(b));
    } else {
      return a - b;
    }
  }
};
struct Mul {
  static constexpr bool kIgnoresSign = true;
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<Wrapping<T>>(a) * static_cast<Wrapping<T>>(b));
    } else {
      return a * b;
    }
  }
};
// Integers truncate towards zero; a division by zero, which ONNX leaves open, gives 0.
struct Div {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == T{0}) return T{0};
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) return Sub()(T{0}, a);
      }
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};
// The remainder with the sign of the divisor, as Python's.
struct Mod {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == T{0}) return T{0};
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) return T{0};
        const T r = static_cast<T>(a % b);
        return r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
      } else {
        return static_cast<T>(a % b);
      }
    } else {
      const T r = std::fmod(a, b);
      if (r == T{0}) return std::copysign(r, b);
      return (r < T{0}) != (b < T{0}) ? r + b : r;
    }
  }
};
// The remainder with the sign of the dividend, as C's.
struct Fmod {
  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == T{0}) return T{0};
      if constexpr (std::is_signed_v<T>) {
        if (b == T{-1}) return T{0};
      }
      return static_cast<T>(a % b);
    } else {
      return std::fmod(a, b);
    }
  }
};
// NaN wins.
struct Min {
  template <typename T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};
struct Max {
  template <typename T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};
struct PRelu {
  template <typename T>
  T operator()(T x, T slope) const {
    return x < T{0} ? Mul()(x, slope) : x;
  }
};
struct BitwiseAnd {
  static constexpr bool kIgnoresSign = true;
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct BitwiseOr {
  static constexpr bool kIgnoresSign = true;
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a | b);
  }
};
struct BitwiseXor {
  static constexpr bool kIgnoresSign = true;
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};
// Shifts by a negative number, or by the width or more, leave nothing but the sign.
struct ShiftLeft {
  static constexpr bool kIgnoresSign = true;
  template <typename T>
  T operator()(T a, T b) const {
    using U = std::make_unsigned_t<T>;
    if (static_cast<U>(b) >= std::numeric_limits<U>::digits) return T{0};
    return static_cast<T>(static_cast<uint64_t>(a) << b);
  }
};
struct ShiftRight {
  template <typename T>
  T operator()(T a, T b) const {
    using U = std::make_unsigned_t<T>;
    if (static_cast<U>(b) >= std::numeric_limits<U>::digits) {
      return a < T{0} ? static_cast<T>(-1) : T{0};
    }
    return static_cast<T>(a >> b);
  }
};

struct Equal {
  static constexpr bool kIgnoresSign = true;
  template <typename T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct Less {
  template <typename T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessOrEqual {
  template <typename T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
// f(b, a), by the code of f(a, b).
template <typename Function>
struct Swapped {};
using Greater = Swapped<Less>;
using GreaterOrEqual = Swapped<LessOrEqual>;
struct And {
  bool operator()(bool a, bool b) const { return a && b; }
};
struct Or {
  bool operator()(bool a, bool b) const { return a || b; }
};
struct Xor {
  bool operator()(bool a, bool b) const { return a != b; }
};

// Rows of elements of any type: out[i] = f(a[i * a_step], b[i * b_step]) for n of them.
struct BinaryWork {
  const std::byte* a = nullptr;
  const std::byte* b = nullptr;
  std::byte* out = nullptr;
  int64_t n = 0;
  int64_t a_step = 0, b_step = 0;  // 1, or 0 for one element; not both 0 unless n is 1
  int64_t n_rows = 0;
  int64_t a_row = 0, b_row = 0, out_row = 0;  // elements from a row to the next
};

// A function of two elements, for rows of them. This is all of an operator that its types are
// compiled for, since there are hundreds of functions and types.
struct BinaryRows {
  void (*run)(const BinaryWork& work) = nullptr;
  int64_t a_bytes = 0, b_bytes = 0, out_bytes = 0;  // of an element
  bool swapped = false;                             // `run` wants b as a, and a as b
};

template <typename Out, typename A, typename B, typename Function>
void RunBinaryRows(const BinaryWork& work) {
  const auto apply = [](A x, B y) {
    if constexpr (std::is_same_v<Out, bool>) {
      return Function()(Widen(x), Widen(y));
    } else {
      return Narrow<Out>(static_cast<Compute<Out>>(Function()(Widen(x), Widen(y))));
    }
  };
  const BinaryWork w = work;
  const A* a = reinterpret_cast<const A*>(w.a);
  const B* b = reinterpret_cast<const B*>(w.b);
  Out* out = reinterpret_cast<Out*>(w.out);
  for (int64_t row = 0; row < w.n_rows; ++row, a += w.a_row, b += w.b_row, out += w.out_row) {
    if (w.a_step == 1 && w.b_step == 1) {
      for (int64_t i = 0; i < w.n; ++i) out[i] = apply(a[i], b[i]);
    } else if (w.b_step == 0) {
      const B scalar = *b;
      for (int64_t i = 0; i < w.n; ++i) out[i] = apply(a[i], scalar);
    } else {
      const A scalar = *a;
      for (int64_t i = 0; i < w.n; ++i) out[i] = apply(scalar, b[i]);
    }
  }
}

template <typename Out, typename A, typename B, typename Function>
constexpr BinaryRows BinaryRowsOf(Function) {
  return {RunBinaryRows<Out, A, B, Function>, sizeof(A), sizeof(B), sizeof(Out)};
}
template <typename Out, typename A, typename B, typename Function>
constexpr BinaryRows BinaryRowsOf(Swapped<Function>) {
  return {RunBinaryRows<Out, B, A, Function>, sizeof(B), sizeof(A), sizeof(Out), true};
}

// The type whose code serves T: its twin without a sign where that makes no difference.
template <typename T, typename Function>
struct ServingType {
  using Type = T;
};
template <std::integral T, typename Function>
  requires(Function::kIgnoresSign && !std::is_same_v<T, bool>)
struct ServingType<T, Function> {
  using Type = std::make_unsigned_t<T>;
};

// The rows of a function of two elements of the type `dtype`, one of `Types`, to that type or bool.
template <typename Types, typename Function, bool kToBool>
BinaryRows BinaryRowsFor(DType dtype) {
  return Visit(dtype, Types(), []<typename Given>() {
    using T = typename ServingType<Given, Function>::Type;
    return BinaryRowsOf<std::conditional_t<kToBool, bool, T>, T, T>(Function());
  });
}

// out[i] = f(a[i], b[i]) over a nest whose operands are (out, a, b): dense tensors, the latter two
// broadcast to the first. Either may be `out` itself where its strides are those of `out`.
inline void BroadcastBinary(const LoopNest<3>& nest, const BinaryRows& rows, const std::byte* a,
                            const std::byte* b, std::byte* out, Parallel& parallel) {
  const size_t first = rows.swapped ? 2 : 1, second = 3 - first;
  if (rows.swapped) std::swap(a, b);
  const LoopNest<3>::Offsets steps = nest.inner_strides(), strides = nest.row_strides();
  nest.RunGroups(parallel, [&](const LoopNest<3>::Offsets& at, int64_t n_rows, int64_t n) {
    rows.run({.a = a + at[first] * rows.a_bytes,
              .b = b + at[second] * rows.b_bytes,
              .out = out + at[0] * rows.out_bytes,
              .n = n,
              .a_step = steps[first],
              .b_step = steps[second],
              .n_rows = n_rows,
              .a_row = strides[first],
              .b_row = strides[second],
              .out_row = strides[0]});
  });
}

}  // namespace wnn::kernels
