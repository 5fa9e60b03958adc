// Writes ONNX models for tests: protobuf's wire format from readable calls.
//
//   ModelBuilder model(13);
//   model.Input("x", DType::kFloat, {"N", 3});
//   model.Initializer("w", {3, 2}, std::vector<float>{...});
//   model.Node("MatMul", {"x", "w"}, {"y"});
//   model.Output("y");
//   std::vector<std::byte> bytes = model.Build();
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/kernels/reference/element.h"
#include "engine/tensor/tensor.h"

namespace wnn::testing {

// Appends fields of one message.
class WireWriter {
 public:
  WireWriter& Varint(uint32_t field, uint64_t value) {
    Raw(uint64_t{field} << 3);
    Raw(value);
    return *this;
  }
  WireWriter& Float(uint32_t field, float value) {
    Raw(uint64_t{field} << 3 | 5);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  WireWriter& Bytes(uint32_t field, std::string_view value) {
    Raw(uint64_t{field} << 3 | 2);
    Raw(value.size());
    bytes_.append(value);
    return *this;
  }
  WireWriter& Message(uint32_t field, const WireWriter& message) {
    return Bytes(field, message.bytes_);
  }
  // A bare varint: a tag, a length, an element of a packed field.
  WireWriter& Raw(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
    bytes_.push_back(static_cast<char>(value));
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// A dimension: a number, or a symbol.
struct BuilderDim {
  BuilderDim(int64_t v) : value(v) {}             // NOLINT: implicit by design
  BuilderDim(int v) : value(v) {}                 // NOLINT
  BuilderDim(const char* name) : symbol(name) {}  // NOLINT
  int64_t value = -1;
  std::string symbol;
};

// TensorProto with raw data.
template <typename T>
WireWriter TensorMessage(std::string_view name, std::span<const int64_t> dims,
                         const std::vector<T>& values) {
  WireWriter tensor;
  for (int64_t dim : dims) tensor.Varint(1, static_cast<uint64_t>(dim));
  tensor.Varint(2, static_cast<uint64_t>(kernels::DTypeOf<T>()));
  if (!name.empty()) tensor.Bytes(8, name);
  std::string raw;
  for (const T value : values) raw.append(reinterpret_cast<const char*>(&value), sizeof(T));
  return tensor.Bytes(9, raw);
}

struct BuilderAttribute {
  std::string name;
  WireWriter fields;  // of AttributeProto, without the name
};

inline BuilderAttribute Attr(std::string name, int64_t value) {
  return {std::move(name), WireWriter().Varint(3, static_cast<uint64_t>(value)).Varint(20, 2)};
}
inline BuilderAttribute Attr(std::string name, int value) {
  return Attr(std::move(name), int64_t{value});
}
inline BuilderAttribute Attr(std::string name, float value) {
  return {std::move(name), WireWriter().Float(2, value).Varint(20, 1)};
}
inline BuilderAttribute Attr(std::string name, const char* value) {
  return {std::move(name), WireWriter().Bytes(4, value).Varint(20, 3)};
}
inline BuilderAttribute Attr(std::string name, const std::vector<int64_t>& values) {
  WireWriter fields;
  for (int64_t value : values) fields.Varint(8, static_cast<uint64_t>(value));
  return {std::move(name), fields.Varint(20, 7)};
}
inline BuilderAttribute Attr(std::string name, const std::vector<float>& values) {
  WireWriter fields;
  for (float value : values) fields.Float(7, value);
  return {std::move(name), fields.Varint(20, 6)};
}
template <typename T>
BuilderAttribute TensorAttr(std::string name, const std::vector<int64_t>& dims,
                            const std::vector<T>& values) {
  return {std::move(name), WireWriter().Message(5, TensorMessage("", dims, values)).Varint(20, 4)};
}

inline BuilderAttribute Attr(std::string name, const std::vector<std::string>& values) {
  WireWriter fields;
  for (const std::string& value : values) fields.Bytes(9, value);
  return {std::move(name), fields.Varint(20, 8)};
}
// An attribute of a function's node that is what the call gives for the parameter.
inline BuilderAttribute RefAttr(std::string name, std::string_view parameter, int type) {
  return {std::move(name),
          WireWriter().Bytes(21, parameter).Varint(20, static_cast<uint64_t>(type))};
}

// TensorProto of strings.
inline WireWriter StringsMessage(std::string_view name, std::span<const int64_t> dims,
                                 const std::vector<std::string>& values) {
  WireWriter tensor;
  for (int64_t dim : dims) tensor.Varint(1, static_cast<uint64_t>(dim));
  tensor.Varint(2, static_cast<uint64_t>(DType::kString));
  for (const std::string& value : values) tensor.Bytes(6, value);
  if (!name.empty()) tensor.Bytes(8, name);
  return tensor;
}

inline WireWriter NodeMessage(std::string_view op_type, const std::vector<std::string>& inputs,
                              const std::vector<std::string>& outputs,
                              const std::vector<BuilderAttribute>& attributes = {},
                              std::string_view name = "", std::string_view domain = "") {
  WireWriter node;
  for (const std::string& input : inputs) node.Bytes(1, input);
  for (const std::string& output : outputs) node.Bytes(2, output);
  if (!name.empty()) node.Bytes(3, name);
  node.Bytes(4, op_type);
  for (const BuilderAttribute& attribute : attributes) {
    WireWriter message;
    message.Bytes(1, attribute.name);
    node.Bytes(5, message.bytes() + attribute.fields.bytes());
  }
  if (!domain.empty()) node.Bytes(7, domain);
  return node;
}

class ModelBuilder {
 public:
  explicit ModelBuilder(int opset = 13, int ir_version = 8)
      : opset_(opset), ir_version_(ir_version) {}

  void Input(std::string_view name, DType dtype, const std::vector<BuilderDim>& dims) {
    graph_.Message(11, ValueInfo(name, dtype, &dims));
  }
  void InputOfAnyRank(std::string_view name, DType dtype) {
    graph_.Message(11, ValueInfo(name, dtype, nullptr));
  }
  void Output(std::string_view name) { graph_.Message(12, WireWriter().Bytes(1, name)); }
  void Output(std::string_view name, DType dtype, const std::vector<BuilderDim>& dims) {
    graph_.Message(12, ValueInfo(name, dtype, &dims));
  }
  template <typename T>
  void Initializer(std::string_view name, const std::vector<int64_t>& dims,
                   const std::vector<T>& values) {
    graph_.Message(5, TensorMessage(name, dims, values));
  }
  void InitializerMessage(const WireWriter& tensor) { graph_.Message(5, tensor); }

  void Node(std::string_view op_type, const std::vector<std::string>& inputs,
            const std::vector<std::string>& outputs,
            const std::vector<BuilderAttribute>& attributes = {}, std::string_view name = "",
            std::string_view domain = "") {
    graph_.Message(1, NodeMessage(op_type, inputs, outputs, attributes, name, domain));
  }
  // Imports a version of another domain than ONNX's.
  void Import(std::string_view domain, int version) {
    imports_.emplace_back(WireWriter().Bytes(1, domain).Varint(2, static_cast<uint64_t>(version)));
  }
  // Any further field of the graph.
  WireWriter& graph() { return graph_; }
  const WireWriter& graph() const { return graph_; }
  // A FunctionProto.
  void Function(const WireWriter& function) { model_.Message(25, function); }

  std::vector<std::byte> Build() const {
    WireWriter model = model_;
    model.Varint(1, static_cast<uint64_t>(ir_version_)).Message(7, graph_);
    model.Message(8, WireWriter().Bytes(1, "").Varint(2, static_cast<uint64_t>(opset_)));
    for (const WireWriter& import : imports_) model.Message(8, import);
    return ToBytes(model.bytes());
  }

  static std::vector<std::byte> ToBytes(std::string_view text) {
    std::vector<std::byte> bytes(text.size());
    if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
  }

 private:
  static WireWriter ValueInfo(std::string_view name, DType dtype,
                              const std::vector<BuilderDim>* dims) {
    WireWriter tensor_type;
    tensor_type.Varint(1, static_cast<uint64_t>(dtype));
    if (dims != nullptr) {
      WireWriter shape;
      for (const BuilderDim& dim : *dims) {
        WireWriter message;
        if (dim.symbol.empty()) {
          message.Varint(1, static_cast<uint64_t>(dim.value));
        } else {
          message.Bytes(2, dim.symbol);
        }
        shape.Message(1, message);
      }
      tensor_type.Message(2, shape);
    }
    return WireWriter().Bytes(1, name).Message(2, WireWriter().Message(1, tensor_type));
  }

  int opset_;
  int ir_version_;
  WireWriter graph_;
  std::vector<WireWriter> imports_;
  WireWriter model_;
};

// An attribute that is the builder's graph.
inline BuilderAttribute GraphAttr(std::string name, const ModelBuilder& body) {
  return {std::move(name), WireWriter().Message(6, body.graph()).Varint(20, 5)};
}

}  // namespace wnn::testing
