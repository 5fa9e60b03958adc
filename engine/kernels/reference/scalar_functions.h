// Functions of one element. Each is a callable on the type that arithmetic uses (kernels::Compute);
// the attributes of ONNX are its members. NaN stays NaN unless said.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace wnn::kernels {

struct Relu {
  template <typename T>
  T operator()(T x) const {
    return x < T{0} ? T{0} : x;
  }
};

struct LeakyRelu {
  float alpha = 0.01f;
  template <typename T>
  T operator()(T x) const {
    return x < T{0} ? x * static_cast<T>(alpha) : x;
  }
};

struct ThresholdedRelu {
  float alpha = 1.0f;
  template <typename T>
  T operator()(T x) const {
    return x > static_cast<T>(alpha) ? x : T{0};
  }
};

struct Elu {
  float alpha = 1.0f;
  template <typename T>
  T operator()(T x) const {
    return x < T{0} ? static_cast<T>(alpha) * std::expm1(x) : x;
  }
};

struct Celu {
  float alpha = 1.0f;
  template <typename T>
  T operator()(T x) const {
    const T a = static_cast<T>(alpha);
    return x < T{0} ? a * std::expm1(x / a) : x;
  }
};

struct Selu {
  float alpha = 1.67326319217681884765625f;
  float gamma = 1.05070102214813232421875f;
  template <typename T>
  T operator()(T x) const {
    const T scale = static_cast<T>(gamma);
    return x > T{0} ? scale * x : scale * static_cast<T>(alpha) * std::expm1(x);
  }
};

// Of the two forms of the logistic function, the one whose exponential does not overflow.
struct Sigmoid {
  template <typename T>
  T operator()(T x) const {
    if (x >= T{0}) return T{1} / (T{1} + std::exp(-x));
    const T e = std::exp(x);
    return e / (T{1} + e);
  }
};

struct HardSigmoid {
  float alpha = 0.2f;
  float beta = 0.5f;
  template <typename T>
  T operator()(T x) const {
    const T y = static_cast<T>(alpha) * x + static_cast<T>(beta);
    return y < T{0} ? T{0} : y > T{1} ? T{1} : y;
  }
};

struct HardSwish {
  template <typename T>
  T operator()(T x) const {
    return x * HardSigmoid{1.0f / 6, 0.5f}(x);
  }
};

struct Swish {
  float alpha = 1.0f;
  template <typename T>
  T operator()(T x) const {
    return x * Sigmoid()(static_cast<T>(alpha) * x);
  }
};

// log(1 + e^x) without overflow.
struct Softplus {
  template <typename T>
  T operator()(T x) const {
    return x > T{0} ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  }
};

struct Mish {
  template <typename T>
  T operator()(T x) const {
    return x * std::tanh(Softplus()(x));
  }
};

struct Softsign {
  template <typename T>
  T operator()(T x) const {
    return x / (T{1} + std::fabs(x));
  }
};

struct Gelu {
  bool use_tanh = false;
  template <typename T>
  T operator()(T x) const {
    if (use_tanh) {
      const T inner =
          static_cast<T>(0.79788456080286535588) * (x + static_cast<T>(0.044715) * x * x * x);
      return static_cast<T>(0.5) * x * (T{1} + std::tanh(inner));
    }
    return static_cast<T>(0.5) * x * (T{1} + std::erf(x * static_cast<T>(0.70710678118654752440)));
  }
};

struct Shrink {
  float bias = 0.0f;
  float lambd = 0.5f;
  template <typename T>
  T operator()(T x) const {
    if (x < -static_cast<T>(lambd)) return static_cast<T>(x + static_cast<T>(bias));
    if (x > static_cast<T>(lambd)) return static_cast<T>(x - static_cast<T>(bias));
    return T{0};
  }
};

struct Tanh {
  template <typename T>
  T operator()(T x) const {
    return std::tanh(x);
  }
};
struct Exp {
  template <typename T>
  T operator()(T x) const {
    return std::exp(x);
  }
};
struct Log {
  template <typename T>
  T operator()(T x) const {
    return std::log(x);
  }
};
struct Sqrt {
  template <typename T>
  T operator()(T x) const {
    return std::sqrt(x);
  }
};
struct Erf {
  template <typename T>
  T operator()(T x) const {
    return std::erf(x);
  }
};
struct Reciprocal {
  template <typename T>
  T operator()(T x) const {
    return T{1} / x;
  }
};
struct Floor {
  template <typename T>
  T operator()(T x) const {
    return std::floor(x);
  }
};
struct Ceil {
  template <typename T>
  T operator()(T x) const {
    return std::ceil(x);
  }
};
// To the nearest integer, halves to the even one.
struct Round {
  template <typename T>
  T operator()(T x) const {
    return std::nearbyint(x);
  }
};
struct Sin {
  template <typename T>
  T operator()(T x) const {
    return std::sin(x);
  }
};
struct Cos {
  template <typename T>
  T operator()(T x) const {
    return std::cos(x);
  }
};
struct Tan {
  template <typename T>
  T operator()(T x) const {
    return std::tan(x);
  }
};
struct Asin {
  template <typename T>
  T operator()(T x) const {
    return std::asin(x);
  }
};
struct Acos {
  template <typename T>
  T operator()(T x) const {
    return std::acos(x);
  }
};
struct Atan {
  template <typename T>
  T operator()(T x) const {
    return std::atan(x);
  }
};
struct Sinh {
  template <typename T>
  T operator()(T x) const {
    return std::sinh(x);
  }
};
struct Cosh {
  template <typename T>
  T operator()(T x) const {
    return std::cosh(x);
  }
};
struct Asinh {
  template <typename T>
  T operator()(T x) const {
    return std::asinh(x);
  }
};
struct Acosh {
  template <typename T>
  T operator()(T x) const {
    return std::acosh(x);
  }
};
struct Atanh {
  template <typename T>
  T operator()(T x) const {
    return std::atanh(x);
  }
};

// Integers wrap: the lowest one is its own negative and its own magnitude.
template <typename T>
T WrappingNegate(T x) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(0u - static_cast<std::make_unsigned_t<T>>(x));
  } else {
    return -x;
  }
}
struct Neg {
  template <typename T>
  T operator()(T x) const {
    return WrappingNegate(x);
  }
};
struct Abs {
  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_floating_point_v<T>)
      return std::fabs(x);
    else if constexpr (std::is_unsigned_v<T>)
      return x;
    else
      return x < T{0} ? WrappingNegate(x) : x;
  }
};
struct Sign {
  template <typename T>
  T operator()(T x) const {
    if (x > T{0}) return T{1};
    if constexpr (!std::is_unsigned_v<T>) {
      if (x < T{0}) return static_cast<T>(-1);
    }
    return x == T{0} ? T{0} : x;
  }
};
struct Not {
  bool operator()(bool x) const { return !x; }
};
struct IsNaN {
  template <typename T>
  bool operator()(T x) const {
    return x != x;
  }
};
struct IsInf {
  bool negative = true;
  bool positive = true;
  template <typename T>
  bool operator()(T x) const {
    return std::isinf(x) && (x < T{0} ? negative : positive);
  }
};
struct BitwiseNot {
  template <typename T>
  T operator()(T x) const {
    return static_cast<T>(~x);
  }
};

}  // namespace wnn::kernels
