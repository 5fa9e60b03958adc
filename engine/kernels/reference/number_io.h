// Reading and writing numbers of every type that ONNX has, those below a byte and the 8- and 4-bit
// floats included, in pieces. Slow and exact: for types without kernels of their own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/tensor/dtype.h"

namespace wnn::kernels {

// How a number that a float of 8 bits cannot hold is written.
struct NumberRounding {
  enum class Mode : uint8_t { kUp, kDown, kNearest };

  bool saturate = true;   // to the largest number, instead of infinity or NaN
  Mode e8m0 = Mode::kUp;  // how float8e8m0, a power of two, is rounded
};

// Numbers (not complex ones) and booleans.
bool IsNumber(DType dtype);
// Integers of any width, and booleans.
bool IsInteger(DType dtype);

// Elements [first, first + n) of `from`. Exact, but for 64-bit integers beyond 2^53, which are
// rounded. REQUIRES: IsNumber(dtype).
void ReadNumbers(DType dtype, const std::byte* from, int64_t first, int64_t n, double* to);
// As Cast from a float: floats round to nearest, ties to even; integers take what is before the
// point (below a byte its low bits, else the nearest bound), NaN is 0. A byte that elements share
// is cleared when its first element is written. REQUIRES: IsNumber(dtype).
void WriteNumbers(DType dtype, const double* from, int64_t first, int64_t n,
                  const NumberRounding& rounding, std::byte* to);

// The same for integers; what does not fit keeps its low bits. REQUIRES: IsInteger(dtype).
void ReadIntegers(DType dtype, const std::byte* from, int64_t first, int64_t n, int64_t* to);
void WriteIntegers(DType dtype, const int64_t* from, int64_t first, int64_t n, std::byte* to);

// The bits of elements of 1, 2 or 4 bits, each in a byte of its own, and back.
void UnpackBits(size_t bits, const std::byte* from, int64_t first, int64_t n, uint8_t* to);
void PackBits(size_t bits, const uint8_t* from, int64_t first, int64_t n, std::byte* to);

}  // namespace wnn::kernels
