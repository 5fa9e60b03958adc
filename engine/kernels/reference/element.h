// From a DType to the C++ type of its elements, and the type that arithmetic on it uses.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "engine/kernels/reference/half.h"
#include "engine/tensor/dtype.h"

namespace wnn::kernels {

template <typename T>
inline constexpr bool kIsHalf = std::is_same_v<T, Float16> || std::is_same_v<T, Bfloat16>;
template <typename T>
inline constexpr bool kIsFloating = std::is_floating_point_v<T> || kIsHalf<T>;

// float for the 16-bit floats, T itself otherwise.
template <typename T>
using Compute = std::conditional_t<kIsHalf<T>, float, T>;

template <typename T>
Compute<T> Widen(T x) {
  if constexpr (kIsHalf<T>) {
    return ToFloat(x);
  } else {
    return x;
  }
}

template <typename T>
T Narrow(Compute<T> x) {
  if constexpr (std::is_same_v<T, Float16>) {
    return ToFloat16(x);
  } else if constexpr (std::is_same_v<T, Bfloat16>) {
    return ToBfloat16(x);
  } else {
    return x;
  }
}

// A list of element types, for Visit().
template <typename... Ts>
struct Types {};

using FloatTypes = Types<float, double, Float16, Bfloat16>;
using IntegerTypes =
    Types<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t>;
using NumericTypes = Types<float, double, Float16, Bfloat16, int8_t, int16_t, int32_t, int64_t,
                           uint8_t, uint16_t, uint32_t, uint64_t>;
using AllTypes = Types<float, double, Float16, Bfloat16, int8_t, int16_t, int32_t, int64_t, uint8_t,
                       uint16_t, uint32_t, uint64_t, bool>;

template <typename T>
constexpr DType DTypeOf() {
  if constexpr (std::is_same_v<T, float>)
    return DType::kFloat;
  else if constexpr (std::is_same_v<T, double>)
    return DType::kDouble;
  else if constexpr (std::is_same_v<T, Float16>)
    return DType::kFloat16;
  else if constexpr (std::is_same_v<T, Bfloat16>)
    return DType::kBfloat16;
  else if constexpr (std::is_same_v<T, int8_t>)
    return DType::kInt8;
  else if constexpr (std::is_same_v<T, int16_t>)
    return DType::kInt16;
  else if constexpr (std::is_same_v<T, int32_t>)
    return DType::kInt32;
  else if constexpr (std::is_same_v<T, int64_t>)
    return DType::kInt64;
  else if constexpr (std::is_same_v<T, uint8_t>)
    return DType::kUint8;
  else if constexpr (std::is_same_v<T, uint16_t>)
    return DType::kUint16;
  else if constexpr (std::is_same_v<T, uint32_t>)
    return DType::kUint32;
  else if constexpr (std::is_same_v<T, uint64_t>)
    return DType::kUint64;
  else if constexpr (std::is_same_v<T, bool>)
    return DType::kBool;
  else
    return DType::kUndefined;
}

// Calls visitor.operator()<T>() for the T of `dtype` and returns its result; a default-constructed
// result if `dtype` is not in the list.
template <typename T, typename... Rest, typename Visitor>
auto Visit(DType dtype, Types<T, Rest...>, Visitor&& visitor) {
  if (dtype == DTypeOf<T>()) return visitor.template operator()<T>();
  if constexpr (sizeof...(Rest) > 0) {
    return Visit(dtype, Types<Rest...>(), std::forward<Visitor>(visitor));
  } else {
    return decltype(visitor.template operator()<T>())();
  }
}

}  // namespace wnn::kernels
