// What a model is, in C++: its inputs, outputs and metadata, and whether a program's declarations
// fit it. Needs wasi-nn-onnx's extension: define WASI_NN_EXTENSION, with or without
// WASI_NN_COMPONENT.
//
//   auto inputs = wasi_nn::Inputs(*graph);      // std::expected<std::vector<ValueInfo>, Error>
//   for (const auto& input : *inputs) puts(input.ToString().c_str());  // "pixels f32[N,3,224,224]"
//   if (auto fits = wasi_nn::Check(*graph, kPixels, kScores); !fits) ...
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wasi_nn.hpp"

#ifndef WASI_NN_EXTENSION
#error "wasi_nn_introspection.hpp needs the host's extension: define WASI_NN_EXTENSION"
#endif

namespace wasi_nn {

struct Dimension {
  std::optional<std::uint32_t> size;  // nothing unless it is fixed
  std::string symbol;                 // "N"; empty for one that is fixed or has no name
};

// An input or output as the model declares it.
struct ValueInfo {
  std::string name;
  std::optional<TensorType> type;              // nothing for a type that crosses as bytes
  std::uint32_t onnx_type = 0;                 // TensorProto.DataType; 0 if the model does not say
  std::optional<std::vector<Dimension>> dims;  // nothing if any rank is allowed

  // "pixels f32[N,3,224,224]"
  std::string ToString() const {
    const ElementType element = ElementTypeOfOnnx(onnx_type);
    std::string text =
        name + " " +
        (element.onnx != 0 ? std::string(element.name) : "onnx-type-" + std::to_string(onnx_type));
    if (!dims) return text + "[...]";
    text += '[';
    for (std::size_t i = 0; i < dims->size(); ++i) {
      const Dimension& dim = (*dims)[i];
      if (i > 0) text += ',';
      text += dim.size ? std::to_string(*dim.size) : dim.symbol.empty() ? "?" : dim.symbol;
    }
    return text + ']';
  }
};

struct Metadata {
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  std::string version;  // in decimal
  std::string graph_name;
  std::string description;
  std::vector<std::pair<std::string, std::string>> properties;
};

namespace internal {

// What read(buffer, capacity, &size) writes, whatever its size.
template <typename Read>
Result<std::string> ReadText(std::string_view what, Read read) {
  std::string text(64, '\0');
  for (;;) {
    const auto capacity = static_cast<std::uint32_t>(text.size());
    std::uint32_t size = 0;
    const wasi_nn_errno number = read(text.data(), capacity, &size);
    text.resize(size);
    if (number == WASI_NN_ERRNO_SUCCESS) return text;
    if (number == WASI_NN_ERRNO_TOO_LARGE && size > capacity) continue;
    return Refused(what, number, "");
  }
}

inline Result<std::optional<std::vector<Dimension>>> ReadDims(wasi_nn_graph graph,
                                                              wasi_nn_side side,
                                                              std::uint32_t index) {
  std::uint32_t rank = 0;
  wasi_nn_errno number = wasi_nn_onnx_value_dims(graph, side, index, nullptr, 0, &rank);
  if (rank == WASI_NN_NONE) return std::nullopt;
  std::vector<std::uint32_t> sizes(rank);
  if (number == WASI_NN_ERRNO_TOO_LARGE) {
    number = wasi_nn_onnx_value_dims(graph, side, index, sizes.data(), rank, &rank);
  }
  if (number != WASI_NN_ERRNO_SUCCESS) return Refused("value_dims", number, "");
  std::vector<Dimension> dims(rank);
  for (std::uint32_t i = 0; i < rank; ++i) {
    if (sizes[i] != WASI_NN_NONE) {
      dims[i].size = sizes[i];
      continue;
    }
    auto symbol =
        ReadText("value_dim_name", [&](char* buffer, std::uint32_t capacity, std::uint32_t* size) {
          return wasi_nn_onnx_value_dim_name(graph, side, index, i, buffer, capacity, size);
        });
    if (!symbol) return std::unexpected(std::move(symbol.error()));
    dims[i].symbol = std::move(*symbol);
  }
  return dims;
}

inline Result<ValueInfo> ReadValue(wasi_nn_graph graph, wasi_nn_side side, std::uint32_t index) {
  ValueInfo info;
  auto name =
      ReadText("value_name", [&](char* buffer, std::uint32_t capacity, std::uint32_t* size) {
        return wasi_nn_onnx_value_name(graph, side, index, buffer, capacity, size);
      });
  if (!name) return std::unexpected(std::move(name.error()));
  wasi_nn_value_type type;
  const wasi_nn_errno number = wasi_nn_onnx_value_type(graph, side, index, &type);
  if (number != WASI_NN_ERRNO_SUCCESS) return Refused("value_type", number, "");
  auto dims = ReadDims(graph, side, index);
  if (!dims) return std::unexpected(std::move(dims.error()));
  info.name = std::move(*name);
  if (type.type != WASI_NN_NONE) info.type = static_cast<TensorType>(type.type);
  info.onnx_type = type.onnx_type;
  info.dims = std::move(*dims);
  return info;
}

inline Result<std::vector<ValueInfo>> ReadSide(const Graph& graph, wasi_nn_side side) {
  std::uint32_t count = 0;
  const wasi_nn_errno number = wasi_nn_onnx_value_count(graph.handle(), side, &count);
  if (number != WASI_NN_ERRNO_SUCCESS) return Refused("value_count", number, "");
  std::vector<ValueInfo> values;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto value = ReadValue(graph.handle(), side, i);
    if (!value) return std::unexpected(std::move(value.error()));
    values.push_back(std::move(*value));
  }
  return values;
}

// Whether the model's input or output `slot` is of this type and may have these dimensions.
template <Element T, std::size_t... kDims>
Result<void> CheckSlot(const Graph& graph, wasi_nn_side side, const Slot& slot) {
  std::uint32_t index = slot.index();
  if (slot.has_name()) {
    const wasi_nn_errno number =
        wasi_nn_onnx_value_index(graph.handle(), side, slot.name().data(),
                                 static_cast<std::uint32_t>(slot.name().size()), &index);
    if (number != WASI_NN_ERRNO_SUCCESS) return Refused("check", number, "");
  }
  const auto info = ReadValue(graph.handle(), side, index);
  if (!info) return std::unexpected(info.error());
  constexpr std::array<std::size_t, sizeof...(kDims)> kDeclared = {kDims...};
  const bool fits =
      info->onnx_type == kElementType<T>.onnx &&
      (!info->dims ||
       std::ranges::equal(*info->dims, kDeclared, [](const Dimension& dim, std::size_t want) {
         return !dim.size || want == kAny || *dim.size == want;
       }));
  if (fits) return {};
  return Fail("check", WASI_NN_ERRNO_INVALID_ARGUMENT,
              (side == WASI_NN_SIDE_INPUTS ? "input " : "output ") + slot.ToString() +
                  " is declared as " + Declared<T, kDims...>() + ", but the model has '" +
                  info->ToString() + "'");
}

template <Element T, std::size_t... kDims>
Result<void> CheckOne(const Graph& graph, const Input<T, kDims...>& input) {
  return CheckSlot<T, kDims...>(graph, WASI_NN_SIDE_INPUTS, input.slot);
}
template <Element T, std::size_t... kDims>
Result<void> CheckOne(const Graph& graph, const Output<T, kDims...>& output) {
  return CheckSlot<T, kDims...>(graph, WASI_NN_SIDE_OUTPUTS, output.slot);
}

}  // namespace internal

// In the model's order, which is that of the indices.
inline Result<std::vector<ValueInfo>> Inputs(const Graph& graph) {
  return internal::ReadSide(graph, WASI_NN_SIDE_INPUTS);
}
inline Result<std::vector<ValueInfo>> Outputs(const Graph& graph) {
  return internal::ReadSide(graph, WASI_NN_SIDE_OUTPUTS);
}

// Whether the model has inputs and outputs as the program declares them; the message names the
// first that it does not.
template <typename... Declarations>
Result<void> Check(const Graph& graph, const Declarations&... declarations) {
  Result<void> result;
  // Stops at the first that does not fit.
  static_cast<void>(((result = internal::CheckOne(graph, declarations)).has_value() && ...));
  return result;
}

inline Result<Metadata> GetMetadata(const Graph& graph) {
  const wasi_nn_graph handle = graph.handle();
  Metadata metadata;
  std::string* const fields[] = {&metadata.producer_name, &metadata.producer_version,
                                 &metadata.domain,        &metadata.version,
                                 &metadata.graph_name,    &metadata.description};
  for (std::uint32_t i = 0; i < std::size(fields); ++i) {
    auto text = internal::ReadText(
        "metadata", [&](char* buffer, std::uint32_t capacity, std::uint32_t* size) {
          return wasi_nn_onnx_metadata(handle, i, buffer, capacity, size);
        });
    if (!text) return std::unexpected(std::move(text.error()));
    *fields[i] = std::move(*text);
  }
  std::uint32_t count = 0;
  const wasi_nn_errno number = wasi_nn_onnx_property_count(handle, &count);
  if (number != WASI_NN_ERRNO_SUCCESS) return internal::Refused("property_count", number, "");
  for (std::uint32_t i = 0; i < count; ++i) {
    auto key = internal::ReadText(
        "property_key", [&](char* buffer, std::uint32_t capacity, std::uint32_t* size) {
          return wasi_nn_onnx_property_key(handle, i, buffer, capacity, size);
        });
    if (!key) return std::unexpected(std::move(key.error()));
    auto value = internal::ReadText(
        "property", [&](char* buffer, std::uint32_t capacity, std::uint32_t* size) {
          return wasi_nn_onnx_property(handle, key->data(), static_cast<std::uint32_t>(key->size()),
                                       buffer, capacity, size);
        });
    if (!value) return std::unexpected(std::move(value.error()));
    metadata.properties.emplace_back(std::move(*key), std::move(*value));
  }
  return metadata;
}

}  // namespace wasi_nn
