// The functions of `wasi_nn_onnx`: what a model is, tensors by name, state, the last error's text.
#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "host/abi/witx/arguments.h"
#include "host/abi/witx/calls.h"
#include "host/abi/witx/types.h"
#include "host/nn/find_value.h"

namespace wnn::abi {
namespace {

// An element type without a number, a dimension that is not fixed, a rank that is not declared.
constexpr uint32_t kNone = 0xffffffff;

std::span<const std::byte> AsBytes(std::string_view text) { return std::as_bytes(std::span(text)); }

using Values = std::span<const ValueInfo>;

// A graph's inputs, `side` 0, or outputs, 1.
struct GraphSide {
  std::shared_ptr<const runtimes::Graph> graph;  // owns `values`
  Values values;
  const char* what = "";
};

Result<GraphSide> SideOf(const WitxCall& call, uint32_t graph_handle, uint32_t side) {
  GraphSide result;
  WNN_ASSIGN_OR_RETURN(result.graph, call.session.FindGraph(graph_handle));
  if (side > 1) {
    return InvalidArgument("side " + std::to_string(side) + " is unknown; inputs are 0, outputs 1");
  }
  result.values = side == 0 ? result.graph->inputs() : result.graph->outputs();
  result.what = side == 0 ? "input" : "output";
  return result;
}

struct Value {
  GraphSide side;
  const ValueInfo* info;
};

// args: graph, side, index
Result<Value> ValueOf(const WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(GraphSide side, SideOf(call, args[0], args[1]));
  if (args[2] >= side.values.size()) {
    return InvalidArgument("the model has " + std::to_string(side.values.size()) + " " + side.what +
                           "s, none with index " + std::to_string(args[2]));
  }
  const ValueInfo* info = &side.values[args[2]];
  return Value{std::move(side), info};
}

Result<uint32_t> DimOf(int64_t dim) {
  if (dim < 0) return kNone;
  if (dim >= kNone) {
    return TooLarge("a dimension of " + std::to_string(dim) + " does not fit 32 bits");
  }
  return static_cast<uint32_t>(dim);
}

Status WriteU32s(const WitxCall& call, std::span<const uint32_t> values, const OutBuffer& out,
                 std::string_view what) {
  return WriteOut(call, std::as_bytes(values), sizeof(uint32_t), out, what);
}

Status WriteText(const WitxCall& call, std::string_view text, const OutBuffer& out,
                 std::string_view what) {
  return WriteOut(call, AsBytes(text), 1, out, what);
}

// value_count(graph, side, out)
Status ValueCount(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[2], 4, "the count's result"));
  WNN_ASSIGN_OR_RETURN(const GraphSide side, SideOf(call, args[0], args[1]));
  StoreU32(out, static_cast<uint32_t>(side.values.size()));
  return OkStatus();
}

// value_index(graph, side, name_ptr, name_len, out)
Status ValueIndex(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[4], 4, "the index's result"));
  WNN_ASSIGN_OR_RETURN(const std::string name, ReadText(call, args[2], args[3], "the name"));
  WNN_ASSIGN_OR_RETURN(const GraphSide side, SideOf(call, args[0], args[1]));
  WNN_ASSIGN_OR_RETURN(const size_t index, nn::FindValue(side.values, name, side.what));
  StoreU32(out, static_cast<uint32_t>(index));
  return OkStatus();
}

// value_name(graph, side, index, buffer, buffer_bytes, out)
Status ValueName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const Value value, ValueOf(call, args));
  return WriteText(call, value.info->name, {args[3], args[4], args[5]}, "the name");
}

// Two words: the WASI-NN type and ONNX's.
void StoreType(const WitxCall& call, DType dtype, std::span<std::byte> out) {
  const auto types = TensorTypes(call.dialect);
  const auto found = std::ranges::find(types, dtype);
  StoreU32(out, found == types.end() ? kNone : static_cast<uint32_t>(found - types.begin()));
  StoreU32(out.subspan(4), static_cast<uint32_t>(dtype));
}

// value_type(graph, side, index, out)
Status ValueType(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[3], 8, "the type's result"));
  WNN_ASSIGN_OR_RETURN(const Value value, ValueOf(call, args));
  StoreType(call, value.info->dtype, out);
  return OkStatus();
}

// value_dims(graph, side, index, buffer, max_dims, out)
Status ValueDims(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const Value value, ValueOf(call, args));
  if (!value.info->has_shape) {
    WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[5], 4, "the rank's result"));
    StoreU32(out, kNone);
    return OkStatus();
  }
  std::vector<uint32_t> dims;
  for (const Dim& dim : value.info->dims) {
    WNN_ASSIGN_OR_RETURN(const uint32_t number, DimOf(dim.value));
    dims.push_back(number);
  }
  return WriteU32s(call, dims, {args[3], args[4], args[5]}, "the list of dimensions");
}

// value_dim_name(graph, side, index, dim, buffer, buffer_bytes, out)
Status ValueDimName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const Value value, ValueOf(call, args));
  if (args[3] >= value.info->dims.size()) {
    return InvalidArgument("'" + value.info->name + "' is " + ValueInfoToString(*value.info) +
                           ", which has no dimension " + std::to_string(args[3]));
  }
  return WriteText(call, value.info->dims[args[3]].symbol, {args[4], args[5], args[6]},
                   "the dimension's name");
}

Status WriteOutputDims(const WitxCall& call, nn::Handle context, uint32_t index,
                       const OutBuffer& out) {
  WNN_ASSIGN_OR_RETURN(const Shape shape, call.session.OutputShape(context, index));
  std::vector<uint32_t> dims;
  for (int64_t dim : shape) {
    WNN_ASSIGN_OR_RETURN(const uint32_t number, DimOf(dim));
    dims.push_back(number);
  }
  return WriteU32s(call, dims, out, "the list of dimensions");
}

// output_dims(context, index, buffer, max_dims, out)
Status OutputDims(WitxCall& call, const uint32_t* args) {
  return WriteOutputDims(call, args[0], args[1], {args[2], args[3], args[4]});
}

// output_type(context, index, out)
Status OutputType(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[2], 8, "the type's result"));
  WNN_ASSIGN_OR_RETURN(const DType dtype, call.session.OutputType(args[0], args[1]));
  StoreType(call, dtype, out);
  return OkStatus();
}

// The index of the context's input or output whose name is at `text`: address, length.
Result<uint32_t> IndexByName(const WitxCall& call, nn::Handle context, const uint32_t* text,
                             bool is_input) {
  WNN_ASSIGN_OR_RETURN(const std::string name, ReadText(call, text[0], text[1], "the name"));
  WNN_ASSIGN_OR_RETURN(const auto graph, call.session.GraphOf(context));
  WNN_ASSIGN_OR_RETURN(const size_t index,
                       nn::FindValue(is_input ? graph->inputs() : graph->outputs(), name,
                                     is_input ? "input" : "output"));
  return static_cast<uint32_t>(index);
}

// set_input_by_name(context, name_ptr, name_len, tensor)
Status SetInputByName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const uint32_t index,
                       IndexByName(call, args[0], args + 1, /*is_input=*/true));
  const std::array by_index = {args[0], index, args[3]};
  return SetInput(call, by_index.data());
}

// get_output_by_name(context, name_ptr, name_len, buffer, buffer_bytes, out_bytes_written)
Status GetOutputByName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const uint32_t index,
                       IndexByName(call, args[0], args + 1, /*is_input=*/false));
  const std::array by_index = {args[0], index, args[3], args[4], args[5]};
  return GetOutput(call, by_index.data());
}

// output_dims_by_name(context, name_ptr, name_len, buffer, max_dims, out)
Status OutputDimsByName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const uint32_t index,
                       IndexByName(call, args[0], args + 1, /*is_input=*/false));
  return WriteOutputDims(call, args[0], index, {args[3], args[4], args[5]});
}

// output_type_by_name(context, name_ptr, name_len, out)
Status OutputTypeByName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const uint32_t index,
                       IndexByName(call, args[0], args + 1, /*is_input=*/false));
  const std::array by_index = {args[0], index, args[3]};
  return OutputType(call, by_index.data());
}

// bind_output(context, output, input)
Status BindOutput(WitxCall& call, const uint32_t* args) {
  return call.session.BindOutput(args[0], args[1], args[2]);
}

// unbind_input(context, input)
Status UnbindInput(WitxCall& call, const uint32_t* args) {
  return call.session.UnbindInput(args[0], args[1]);
}

// bind_output_by_name(context, output_ptr, output_len, input_ptr, input_len)
Status BindOutputByName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const uint32_t output,
                       IndexByName(call, args[0], args + 1, /*is_input=*/false));
  WNN_ASSIGN_OR_RETURN(const uint32_t input,
                       IndexByName(call, args[0], args + 3, /*is_input=*/true));
  return call.session.BindOutput(args[0], output, input);
}

// unbind_input_by_name(context, name_ptr, name_len)
Status UnbindInputByName(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const uint32_t input,
                       IndexByName(call, args[0], args + 1, /*is_input=*/true));
  return call.session.UnbindInput(args[0], input);
}

Result<std::string> MetadataField(const runtimes::ModelMetadata& metadata, uint32_t field) {
  switch (field) {
    case 0: return metadata.producer_name;
    case 1: return metadata.producer_version;
    case 2: return metadata.domain;
    case 3: return std::to_string(metadata.version);
    case 4: return metadata.graph_name;
    case 5: return metadata.description;
    default:
      return InvalidArgument("metadata field " + std::to_string(field) +
                             " is unknown; 0 to 5 are the producer's name and version, the domain, "
                             "the model's version, the graph's name and the description");
  }
}

// metadata(graph, field, buffer, buffer_bytes, out)
Status Metadata(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const auto graph, call.session.FindGraph(args[0]));
  WNN_ASSIGN_OR_RETURN(const std::string text, MetadataField(graph->metadata(), args[1]));
  return WriteText(call, text, {args[2], args[3], args[4]}, "the text");
}

// property_count(graph, out)
Status PropertyCount(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(auto out, call.memory.Bytes(args[1], 4, "the count's result"));
  WNN_ASSIGN_OR_RETURN(const auto graph, call.session.FindGraph(args[0]));
  StoreU32(out, static_cast<uint32_t>(graph->metadata().properties.size()));
  return OkStatus();
}

// property_key(graph, index, buffer, buffer_bytes, out)
Status PropertyKey(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const auto graph, call.session.FindGraph(args[0]));
  const auto& properties = graph->metadata().properties;
  if (args[1] >= properties.size()) {
    return InvalidArgument("the model has " + std::to_string(properties.size()) +
                           " properties, none with index " + std::to_string(args[1]));
  }
  return WriteText(call, properties[args[1]].first, {args[2], args[3], args[4]}, "the key");
}

// property(graph, key_ptr, key_len, buffer, buffer_bytes, out)
Status Property(WitxCall& call, const uint32_t* args) {
  WNN_ASSIGN_OR_RETURN(const std::string key, ReadText(call, args[1], args[2], "the key"));
  WNN_ASSIGN_OR_RETURN(const auto graph, call.session.FindGraph(args[0]));
  for (const auto& [name, value] : graph->metadata().properties) {
    if (name == key) return WriteText(call, value, {args[3], args[4], args[5]}, "the value");
  }
  return NotFound("the model has no property '" + key + "'");
}

// last_error(buffer, buffer_bytes, out)
Status LastError(WitxCall& call, const uint32_t* args) {
  return WriteText(call, call.session.last_error(), {args[0], args[1], args[2]}, "the text");
}

constexpr WitxFunction kFunctions[] = {
    {"value_count", 3, ValueCount},
    {"value_index", 5, ValueIndex},
    {"value_name", 6, ValueName, kTellsSize},
    {"value_type", 4, ValueType},
    {"value_dims", 6, ValueDims, kTellsSize},
    {"value_dim_name", 7, ValueDimName, kTellsSize},
    {"output_dims", 5, OutputDims, kTellsSize},
    {"output_dims_by_name", 6, OutputDimsByName, kTellsSize},
    {"output_type", 3, OutputType},
    {"output_type_by_name", 4, OutputTypeByName},
    {"set_input_by_name", 4, SetInputByName},
    {"get_output_by_name", 6, GetOutputByName, kTellsSize},
    {"bind_output", 3, BindOutput},
    {"unbind_input", 2, UnbindInput},
    {"bind_output_by_name", 5, BindOutputByName},
    {"unbind_input_by_name", 3, UnbindInputByName},
    {"metadata", 5, Metadata, kTellsSize},
    {"property_count", 2, PropertyCount},
    {"property_key", 5, PropertyKey, kTellsSize},
    {"property", 6, Property, kTellsSize},
    {"last_error", 3, LastError, kTellsSize},
};

}  // namespace

std::span<const WitxFunction> ExtensionFunctions() { return kFunctions; }

}  // namespace wnn::abi
