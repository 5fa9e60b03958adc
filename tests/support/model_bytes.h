// ONNX models as bytes, written field by field: for tests that must not depend on the engine that
// they test. Field numbers are onnx.proto's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/tensor/dtype.h"

namespace wnn::testing {

inline std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
inline std::string Number(uint32_t field, uint64_t value) {
  return Varint(field << 3) + Varint(value);
}
inline std::string Bytes(uint32_t field, std::string_view bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + std::string(bytes);
}

// TypeProto of a tensor; a negative dimension becomes the symbol "N".
inline std::string TensorType(DType dtype, const std::vector<int64_t>& dims) {
  std::string shape;
  for (int64_t dim : dims) {
    shape += Bytes(1, dim >= 0 ? Number(1, static_cast<uint64_t>(dim)) : Bytes(2, "N"));
  }
  return Bytes(1, Number(1, static_cast<uint64_t>(dtype)) + Bytes(2, shape));
}

inline std::string GraphInput(const std::string& name, DType dtype,
                              const std::vector<int64_t>& dims) {
  return Bytes(11, Bytes(1, name) + Bytes(2, TensorType(dtype, dims)));
}
inline std::string GraphOutput(const std::string& name, DType dtype,
                               const std::vector<int64_t>& dims) {
  return Bytes(12, Bytes(1, name) + Bytes(2, TensorType(dtype, dims)));
}
inline std::string Node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs,
                        const std::string& attributes = "") {
  std::string node;
  for (const std::string& input : inputs) node += Bytes(1, input);
  for (const std::string& output : outputs) node += Bytes(2, output);
  return Bytes(1, node + Bytes(3, op + "_0") + Bytes(4, op) + attributes);
}
// `graph`: the parts above, one after the other.
inline std::string Model(const std::string& graph, uint64_t opset = 17) {
  return Number(1, 8) + Bytes(7, graph + Bytes(2, "test")) + Bytes(8, Number(2, opset));
}

// y = Identity(x).
inline std::string IdentityModel(DType dtype, const std::vector<int64_t>& dims) {
  return Model(Node("Identity", {"x"}, {"y"}) + GraphInput("x", dtype, dims) +
               GraphOutput("y", dtype, dims));
}

inline std::span<const std::byte> AsBytes(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace wnn::testing
