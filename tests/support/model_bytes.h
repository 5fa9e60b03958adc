// ONNX models as bytes, written field by field: for tests that must not depend on the engine that
// they test. Field numbers are onnx.proto's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

// TypeProto of a tensor; a negative dimension becomes a symbol: "N" for -1, "O" for -2 and so on.
inline std::string TensorType(DType dtype, const std::vector<int64_t>& dims) {
  std::string shape;
  for (int64_t dim : dims) {
    const std::string symbol(1, static_cast<char>('N' - 1 - dim));
    shape += Bytes(1, dim >= 0 ? Number(1, static_cast<uint64_t>(dim)) : Bytes(2, symbol));
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

// Attributes of a node, to be joined.
inline std::string IntAttribute(const std::string& name, int64_t value) {
  return Bytes(5, Bytes(1, name) + Number(3, static_cast<uint64_t>(value)) + Number(20, 2));
}
inline std::string IntsAttribute(const std::string& name, const std::vector<int64_t>& values) {
  std::string packed;
  for (int64_t value : values) packed += Varint(static_cast<uint64_t>(value));
  return Bytes(5, Bytes(1, name) + Bytes(8, packed) + Number(20, 7));
}
inline std::string StringAttribute(const std::string& name, const std::string& value) {
  return Bytes(5, Bytes(1, name) + Bytes(4, value) + Number(20, 3));
}
// `tensor`: the fields of a TensorProto.
inline std::string TensorAttribute(const std::string& name, const std::string& tensor) {
  return Bytes(5, Bytes(1, name) + Bytes(5, tensor) + Number(20, 4));
}
// `graph`: nodes, inputs and outputs, as for Model().
inline std::string GraphAttribute(const std::string& name, const std::string& graph) {
  return Bytes(5, Bytes(1, name) + Bytes(6, graph + Bytes(2, "body")) + Number(20, 5));
}

// An initialiser of the graph. REQUIRES: as many values as `dims` say, of the type's size.
template <typename T>
std::string Initializer(const std::string& name, DType dtype, const std::vector<int64_t>& dims,
                        const std::vector<T>& values) {
  std::string tensor;
  for (int64_t dim : dims) tensor += Number(1, static_cast<uint64_t>(dim));
  std::string raw(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(raw.data(), values.data(), raw.size());
  return Bytes(5,
               tensor + Number(2, static_cast<uint64_t>(dtype)) + Bytes(8, name) + Bytes(9, raw));
}
inline std::string Int64s(const std::string& name, const std::vector<int64_t>& values) {
  return Initializer(name, DType::kInt64, {static_cast<int64_t>(values.size())}, values);
}
inline std::string Int64Scalar(const std::string& name, int64_t value) {
  return Initializer<int64_t>(name, DType::kInt64, {}, {value});
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
