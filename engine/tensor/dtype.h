// Element types, numbered as ONNX's TensorProto.DataType.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace wnn {

enum class DType : uint8_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
};

// ONNX's name in lower case ("float", "int64", "bfloat16"); "undefined" for an unknown number.
std::string_view DTypeName(DType dtype);

// Bits that one element takes in a dense tensor; 0 for strings and kUndefined. Types below a byte
// are packed, the first element in the low bits, as ONNX's raw_data.
size_t DTypeBits(DType dtype);

// The type with this ONNX number, if there is one.
std::optional<DType> DTypeFromOnnx(int64_t number);

// Bytes of a dense tensor of `n_elements`, rounded up to a whole byte. Nothing on overflow, for a
// negative count, and for types without a fixed size.
std::optional<size_t> DenseBytes(DType dtype, int64_t n_elements);

}  // namespace wnn
