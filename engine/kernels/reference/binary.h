// Functions of two elements, and the loop that broadcasts them.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "engine/kernels/reference/element.h"
#include "engine/kernels/reference/loop_nest.h"

namespace wnn::kernels {

// Integer arithmetic wraps, as the hardware's: done on the unsigned type of at least int's width.
template <typename T>
using Wrapping = std::make_unsigned_t<std::conditional_t<(sizeof(T) < sizeof(int)), int, T>>;

struct Add {
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
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a & b);
  }
};
struct BitwiseOr {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a | b);
  }
};
struct BitwiseXor {
  template <typename T>
  T operator()(T a, T b) const {
    return static_cast<T>(a ^ b);
  }
};
// Shifts by a negative number, or by the width or more, leave nothing but the sign.
struct ShiftLeft {
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
struct Greater {
  template <typename T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct GreaterOrEqual {
  template <typename T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
struct And {
  bool operator()(bool a, bool b) const { return a && b; }
};
struct Or {
  bool operator()(bool a, bool b) const { return a || b; }
};
struct Xor {
  bool operator()(bool a, bool b) const { return a != b; }
};

// out[i] = f(a[i], b[i]) over a nest whose operands are (out, a, b), out dense. Either input may be
// `out` itself where its strides are those of `out`.
template <typename Out, typename A, typename B, typename Function>
void BroadcastBinary(const LoopNest<3>& nest, const A* a, const B* b, Out* out, Function f,
                     Parallel& parallel) {
  auto apply = [f](A x, B y) {
    if constexpr (std::is_same_v<Out, bool>) {
      return f(Widen(x), Widen(y));
    } else {
      return Narrow<Out>(static_cast<Compute<Out>>(f(Widen(x), Widen(y))));
    }
  };
  const int64_t a_stride = nest.inner_strides()[1], b_stride = nest.inner_strides()[2];
  nest.Run(parallel, [&](const LoopNest<3>::Offsets& offsets, int64_t n) {
    Out* to = out + offsets[0];
    const A* x = a + offsets[1];
    const B* y = b + offsets[2];
    if (a_stride == 1 && b_stride == 1) {
      for (int64_t i = 0; i < n; ++i) to[i] = apply(x[i], y[i]);
    } else if (a_stride == 1 && b_stride == 0) {
      const B scalar = *y;
      for (int64_t i = 0; i < n; ++i) to[i] = apply(x[i], scalar);
    } else if (a_stride == 0 && b_stride == 1) {
      const A scalar = *x;
      for (int64_t i = 0; i < n; ++i) to[i] = apply(scalar, y[i]);
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = apply(x[i * a_stride], y[i * b_stride]);
    }
  });
}

}  // namespace wnn::kernels
