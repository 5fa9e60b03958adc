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
// negative, or if elements of 16 bytes, the largest, would leave int64; that of what is not 0 where
// a dimension is 0, so that no product of some of the dimensions, a stride, does either.
inline std::optional<int64_t> ElementCount(std::span<const int64_t> dims) {
  constexpr int64_t kMost = INT64_MAX / 16;
  int64_t count = 1;
  bool is_empty = false;
  for (int64_t dim : dims) {
    if (dim < 0) return std::nullopt;
    if (dim == 0) {
      is_empty = true;
    } else if (__builtin_mul_overflow(count, dim, &count) || count > kMost) {
      return std::nullopt;
    }
  }
  return is_empty ? 0 : count;
}

}  // namespace wnn
