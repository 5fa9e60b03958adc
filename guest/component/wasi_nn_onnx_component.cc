// The rest of wasi_nn_onnx.h, on top of wasi-nn-onnx:extension@0.1.0. As wasi_nn_component.cc.
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

#include "guest/component/state.h"

#define INTROSPECTION_IMPORT(name)                                            \
  __attribute__((import_module("wasi-nn-onnx:extension/introspection@0.1.0"), \
                 import_name(name))) extern "C"
#define STATE_IMPORT(name) \
  __attribute__((import_module("wasi-nn-onnx:extension/state@0.1.0"), import_name(name))) extern "C"

namespace wasi_nn_component {
namespace {

// The WIT's records, as the canonical ABI lays them out.
struct Dimension {
  std::uint8_t has_size;
  std::uint32_t size;
  std::uint8_t has_symbol;
  List symbol;
};
struct Value {
  List name;
  std::uint8_t has_type;
  std::uint8_t type;
  std::uint32_t onnx_type;
  std::uint8_t has_dimensions;
  List dimensions;
};
struct Property {
  List key;
  List value;
};
struct Metadata {
  List producer_name;
  List producer_version;
  List domain;
  std::int64_t version;
  List graph_name;
  List description;
  List properties;
};
static_assert(sizeof(Dimension) == 20 && sizeof(Value) == 28 && sizeof(Metadata) == 56);

INTROSPECTION_IMPORT("inputs") void GraphInputs(Resource graph, List* out);
INTROSPECTION_IMPORT("outputs") void GraphOutputs(Resource graph, List* out);
INTROSPECTION_IMPORT("get-metadata") void GetMetadata(Resource graph, Metadata* out);
STATE_IMPORT("bind-output")
void StateBindOutput(Resource context, const char* output, std::size_t output_size,
                     const char* input, std::size_t input_size, Reply* out);
STATE_IMPORT("unbind-input")
void StateUnbindInput(Resource context, const char* input, std::size_t input_size, Reply* out);

// The WIT's numbers of types in wasi_nn.h's.
constexpr std::uint32_t kTypes[] = {0, 1, 2, WASI_NN_TENSOR_TYPE_BF16, 3, 4, 5};

std::string_view Text(const List& list) { return {static_cast<const char*>(list.data), list.size}; }

void Free(const List& list) {
  if (list.size > 0) std::free(list.data);
}

wasi_nn_errno WriteText(std::string_view text, char* buffer, std::uint32_t capacity,
                        std::uint32_t* out) {
  return WriteOut(text.data(), static_cast<std::uint32_t>(text.size()), 1, buffer, capacity, out);
}

void FreeValues(const List& list) {
  for (std::size_t i = 0; i < list.size; ++i) {
    const auto& value = static_cast<const Value*>(list.data)[i];
    Free(value.name);
    if (value.has_dimensions == 0) continue;
    for (std::size_t d = 0; d < value.dimensions.size; ++d) {
      const auto& dim = static_cast<const Dimension*>(value.dimensions.data)[d];
      if (dim.has_symbol != 0) Free(dim.symbol);
    }
    Free(value.dimensions);
  }
  Free(list);
}

// Calls body(values, their number) with the host's list, which is asked for once.
template <typename Body>
wasi_nn_errno WithValues(wasi_nn_graph handle, wasi_nn_side side, Body body) {
  Graph* graph = Graphs().Find(handle);
  if (graph == nullptr) return Refuse("there is no graph with handle " + std::to_string(handle));
  if (side > WASI_NN_SIDE_OUTPUTS) return Refuse("side " + std::to_string(side) + " is unknown");
  Values& values = graph->values[side];
  if (values.free == nullptr) {
    (side == WASI_NN_SIDE_INPUTS ? GraphInputs : GraphOutputs)(graph->resource, &values.list);
    values.free = FreeValues;
  }
  return body(static_cast<const Value*>(values.list.data), values.list.size);
}

template <typename Body>
wasi_nn_errno WithValue(wasi_nn_graph graph, wasi_nn_side side, std::uint32_t index, Body body) {
  return WithValues(graph, side, [&](const Value* values, std::size_t n_values) {
    if (index >= n_values) {
      return Refuse("the model has " + std::to_string(n_values) +
                    (side == WASI_NN_SIDE_INPUTS ? " inputs" : " outputs") + ", none with index " +
                    std::to_string(index));
    }
    return body(values[index]);
  });
}

// Calls body(metadata), whose texts end with the call.
template <typename Body>
wasi_nn_errno WithMetadata(wasi_nn_graph handle, Body body) {
  const Graph* graph = Graphs().Find(handle);
  if (graph == nullptr) return Refuse("there is no graph with handle " + std::to_string(handle));
  Metadata metadata;
  GetMetadata(graph->resource, &metadata);
  const auto* properties = static_cast<const Property*>(metadata.properties.data);
  const wasi_nn_errno result = body(metadata, properties);
  for (std::size_t i = 0; i < metadata.properties.size; ++i) {
    Free(properties[i].key);
    Free(properties[i].value);
  }
  for (const List& list : {metadata.producer_name, metadata.producer_version, metadata.domain,
                           metadata.graph_name, metadata.description, metadata.properties}) {
    Free(list);
  }
  return result;
}

wasi_nn_errno NoContext(std::uint32_t handle) {
  return Refuse("there is no execution context with handle " + std::to_string(handle));
}

wasi_nn_errno TakeReply(const Reply& reply) {
  return reply.is_error != 0 ? TakeError(reply.resource) : WASI_NN_ERRNO_SUCCESS;
}

}  // namespace
}  // namespace wasi_nn_component

using namespace wasi_nn_component;

extern "C" {

wasi_nn_errno wasi_nn_onnx_value_count(wasi_nn_graph graph, wasi_nn_side side, uint32_t* count) {
  return WithValues(graph, side, [&](const Value*, std::size_t n_values) {
    *count = static_cast<uint32_t>(n_values);
    return wasi_nn_errno{WASI_NN_ERRNO_SUCCESS};
  });
}

wasi_nn_errno wasi_nn_onnx_value_index(wasi_nn_graph graph, wasi_nn_side side, const char* name,
                                       uint32_t name_size_bytes, uint32_t* index) {
  const std::string_view wanted(name, name_size_bytes);
  return WithValues(graph, side, [&](const Value* values, std::size_t n_values) {
    std::size_t found = 0;
    while (found < n_values && Text(values[found].name) != wanted) ++found;
    if (found == n_values) {
      const auto number = std::from_chars(wanted.data(), wanted.data() + wanted.size(), found);
      const bool is_number =
          number.ec == std::errc{} && number.ptr == wanted.data() + wanted.size();
      if (!is_number || found >= n_values) {
        return Refuse("the model has no " +
                      std::string(side == WASI_NN_SIDE_INPUTS ? "input" : "output") + " '" +
                      std::string(wanted) + "'");
      }
    }
    *index = static_cast<uint32_t>(found);
    return wasi_nn_errno{WASI_NN_ERRNO_SUCCESS};
  });
}

wasi_nn_errno wasi_nn_onnx_value_name(wasi_nn_graph graph, wasi_nn_side side, uint32_t index,
                                      char* buffer, uint32_t buffer_size_bytes,
                                      uint32_t* size_bytes) {
  return WithValue(graph, side, index, [&](const Value& value) {
    return WriteText(Text(value.name), buffer, buffer_size_bytes, size_bytes);
  });
}

wasi_nn_errno wasi_nn_onnx_value_type(wasi_nn_graph graph, wasi_nn_side side, uint32_t index,
                                      wasi_nn_value_type* type) {
  return WithValue(graph, side, index, [&](const Value& value) {
    type->type = value.has_type != 0 ? kTypes[value.type] : WASI_NN_NONE;
    type->onnx_type = value.onnx_type;
    return wasi_nn_errno{WASI_NN_ERRNO_SUCCESS};
  });
}

wasi_nn_errno wasi_nn_onnx_value_dims(wasi_nn_graph graph, wasi_nn_side side, uint32_t index,
                                      uint32_t* dimensions, uint32_t n_dimensions, uint32_t* rank) {
  return WithValue(graph, side, index, [&](const Value& value) {
    if (value.has_dimensions == 0) {
      *rank = WASI_NN_NONE;
      return wasi_nn_errno{WASI_NN_ERRNO_SUCCESS};
    }
    std::vector<uint32_t> dims;
    for (std::size_t i = 0; i < value.dimensions.size; ++i) {
      const auto& dim = static_cast<const Dimension*>(value.dimensions.data)[i];
      dims.push_back(dim.has_size != 0 ? dim.size : WASI_NN_NONE);
    }
    return WriteOut(dims.data(), static_cast<uint32_t>(dims.size()), 4, dimensions, n_dimensions,
                    rank);
  });
}

wasi_nn_errno wasi_nn_onnx_value_dim_name(wasi_nn_graph graph, wasi_nn_side side, uint32_t index,
                                          uint32_t dimension, char* buffer,
                                          uint32_t buffer_size_bytes, uint32_t* size_bytes) {
  return WithValue(graph, side, index, [&](const Value& value) {
    if (value.has_dimensions == 0 || dimension >= value.dimensions.size) {
      return Refuse("'" + std::string(Text(value.name)) + "' has no dimension " +
                    std::to_string(dimension));
    }
    const auto& dim = static_cast<const Dimension*>(value.dimensions.data)[dimension];
    return WriteText(dim.has_symbol != 0 ? Text(dim.symbol) : "", buffer, buffer_size_bytes,
                     size_bytes);
  });
}

wasi_nn_errno wasi_nn_onnx_bind_output_by_name(wasi_nn_graph_execution_context handle,
                                               const char* output, uint32_t output_size_bytes,
                                               const char* input, uint32_t input_size_bytes) {
  const Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoContext(handle);
  Reply reply;
  StateBindOutput(context->resource, output, output_size_bytes, input, input_size_bytes, &reply);
  return TakeReply(reply);
}

wasi_nn_errno wasi_nn_onnx_bind_output(wasi_nn_graph_execution_context context, uint32_t output,
                                       uint32_t input) {
  const std::string from = std::to_string(output);
  const std::string to = std::to_string(input);
  return wasi_nn_onnx_bind_output_by_name(context, from.data(), from.size(), to.data(), to.size());
}

wasi_nn_errno wasi_nn_onnx_unbind_input_by_name(wasi_nn_graph_execution_context handle,
                                                const char* input, uint32_t input_size_bytes) {
  const Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoContext(handle);
  Reply reply;
  StateUnbindInput(context->resource, input, input_size_bytes, &reply);
  return TakeReply(reply);
}

wasi_nn_errno wasi_nn_onnx_unbind_input(wasi_nn_graph_execution_context context, uint32_t input) {
  const std::string index = std::to_string(input);
  return wasi_nn_onnx_unbind_input_by_name(context, index.data(), index.size());
}

wasi_nn_errno wasi_nn_onnx_metadata(wasi_nn_graph graph, wasi_nn_metadata_field field, char* buffer,
                                    uint32_t buffer_size_bytes, uint32_t* size_bytes) {
  return WithMetadata(graph, [&](const Metadata& metadata, const Property*) {
    const std::string version = std::to_string(metadata.version);
    const std::string_view texts[] = {Text(metadata.producer_name), Text(metadata.producer_version),
                                      Text(metadata.domain),        version,
                                      Text(metadata.graph_name),    Text(metadata.description)};
    if (field >= std::size(texts)) {
      return Refuse("metadata field " + std::to_string(field) + " is unknown");
    }
    return WriteText(texts[field], buffer, buffer_size_bytes, size_bytes);
  });
}

wasi_nn_errno wasi_nn_onnx_property_count(wasi_nn_graph graph, uint32_t* count) {
  return WithMetadata(graph, [&](const Metadata& metadata, const Property*) {
    *count = static_cast<uint32_t>(metadata.properties.size);
    return wasi_nn_errno{WASI_NN_ERRNO_SUCCESS};
  });
}

wasi_nn_errno wasi_nn_onnx_property_key(wasi_nn_graph graph, uint32_t index, char* buffer,
                                        uint32_t buffer_size_bytes, uint32_t* size_bytes) {
  return WithMetadata(graph, [&](const Metadata& metadata, const Property* properties) {
    if (index >= metadata.properties.size) {
      return Refuse("the model has " + std::to_string(metadata.properties.size) +
                    " properties, none with index " + std::to_string(index));
    }
    return WriteText(Text(properties[index].key), buffer, buffer_size_bytes, size_bytes);
  });
}

wasi_nn_errno wasi_nn_onnx_property(wasi_nn_graph graph, const char* key, uint32_t key_size_bytes,
                                    char* buffer, uint32_t buffer_size_bytes,
                                    uint32_t* size_bytes) {
  const std::string_view wanted(key, key_size_bytes);
  return WithMetadata(graph, [&](const Metadata& metadata, const Property* properties) {
    for (std::size_t i = 0; i < metadata.properties.size; ++i) {
      if (Text(properties[i].key) != wanted) continue;
      return WriteText(Text(properties[i].value), buffer, buffer_size_bytes, size_bytes);
    }
    return Refuse("the model has no property '" + std::string(wanted) + "'",
                  WASI_NN_ERRNO_NOT_FOUND);
  });
}

}  // extern "C"
