// Arithmetic on sizes that come from a guest or a model: overflow is a result, not a wrap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace wnn {

template <typename T>
std::optional<T> CheckedAdd(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}

template <typename T>
std::optional<T> CheckedMul(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// Number of elements of a tensor with these dimensions; 1 for rank 0. Nothing if a dimension is
// negative or the product leaves int64.
inline std::optional<int64_t> ElementCount(std::span<const int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims) {
    if (dim < 0 || __builtin_mul_overflow(count, dim, &count)) return std::nullopt;
  }
  return count;
}

}  // namespace wnn
