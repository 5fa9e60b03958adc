#include "engine/tensor/dtype.h"

#include <array>

#include "engine/base/checked_math.h"

namespace wnn {
namespace {

struct Row {
  std::string_view name;
  size_t bits;
};

// Indexed by DType, in ONNX's order.
constexpr std::array<Row, 27> kRows = {{
    {"undefined", 0},      {"float", 32},       {"uint8", 8},          {"int8", 8},
    {"uint16", 16},        {"int16", 16},       {"int32", 32},         {"int64", 64},
    {"string", 0},         {"bool", 8},         {"float16", 16},       {"double", 64},
    {"uint32", 32},        {"uint64", 64},      {"complex64", 64},     {"complex128", 128},
    {"bfloat16", 16},      {"float8e4m3fn", 8}, {"float8e4m3fnuz", 8}, {"float8e5m2", 8},
    {"float8e5m2fnuz", 8}, {"uint4", 4},        {"int4", 4},           {"float4e2m1", 4},
    {"float8e8m0", 8},     {"uint2", 2},        {"int2", 2},
}};

const Row& RowOf(DType dtype) {
  size_t index = static_cast<size_t>(dtype);
  return kRows[index < kRows.size() ? index : 0];
}

}  // namespace

std::string_view DTypeName(DType dtype) { return RowOf(dtype).name; }

size_t DTypeBits(DType dtype) { return RowOf(dtype).bits; }

std::optional<DType> DTypeFromOnnx(int64_t number) {
  if (number < 1 || number >= static_cast<int64_t>(kRows.size())) return std::nullopt;
  return static_cast<DType>(number);
}

std::optional<size_t> DenseBytes(DType dtype, int64_t n_elements) {
  size_t bits = DTypeBits(dtype);
  if (bits == 0 || n_elements < 0) return std::nullopt;
  auto total_bits = CheckedMul<uint64_t>(bits, static_cast<uint64_t>(n_elements));
  if (!total_bits || *total_bits > UINT64_MAX - 7) return std::nullopt;
  uint64_t bytes = (*total_bits + 7) / 8;
  if (bytes > SIZE_MAX) return std::nullopt;
  return static_cast<size_t>(bytes);
}

}  // namespace wnn
