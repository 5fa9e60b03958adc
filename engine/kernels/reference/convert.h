// Conversion of one element to another type, as Cast does it.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "engine/kernels/reference/element.h"

namespace wnn::kernels {

// Floats become integers by truncation. Where ONNX leaves the result open: out of range gives the
// nearest bound, NaN gives 0. Integers keep their low bits.
template <typename To, typename From>
To Convert(From from) {
  const Compute<From> x = Widen(from);
  using X = Compute<From>;
  if constexpr (std::is_same_v<To, bool>) {
    return x != X{0};
  } else if constexpr (kIsHalf<To>) {
    return Narrow<To>(static_cast<float>(x));
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<X>) {
    using Limits = std::numeric_limits<To>;
    if (x != x) return To{0};
    // max() + 1 is a power of two, exact in every floating-point type.
    const X bound = std::ldexp(X{1}, Limits::digits);
    if (x >= bound) return Limits::max();
    if (x <= -bound || (std::is_unsigned_v<To> && x <= X{-1})) return Limits::min();
    return static_cast<To>(x);
  } else {
    return static_cast<To>(x);
  }
}

}  // namespace wnn::kernels
