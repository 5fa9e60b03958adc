// wasi_nn.h, and what of wasi_nn_onnx.h any host can do, on top of wasi:nn@0.2.0-rc-2024-10-28.
//
// The imports are the interfaces' functions as the canonical ABI lowers them: lists and strings as
// pointer and length, results that do not fit a word through a pointer, resources as handles.
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "guest/component/allocation.h"
#include "guest/component/state.h"

#define TENSOR_IMPORT(name) \
  __attribute__((import_module("wasi:nn/tensor@0.2.0-rc-2024-10-28"), import_name(name))) extern "C"
#define GRAPH_IMPORT(name) \
  __attribute__((import_module("wasi:nn/graph@0.2.0-rc-2024-10-28"), import_name(name))) extern "C"
#define INFERENCE_IMPORT(name)                                           \
  __attribute__((import_module("wasi:nn/inference@0.2.0-rc-2024-10-28"), \
                 import_name(name))) extern "C"
#define ERRORS_IMPORT(name) \
  __attribute__((import_module("wasi:nn/errors@0.2.0-rc-2024-10-28"), import_name(name))) extern "C"

namespace wasi_nn_component {
namespace {

TENSOR_IMPORT("[constructor]tensor")
Resource NewTensor(const uint32_t* dims, size_t n_dims, uint32_t type, const uint8_t* data,
                   size_t size);
TENSOR_IMPORT("[method]tensor.dimensions") void TensorDimensions(Resource tensor, List* out);
TENSOR_IMPORT("[method]tensor.ty") uint32_t TensorType(Resource tensor);
TENSOR_IMPORT("[method]tensor.data") void TensorData(Resource tensor, List* out);
TENSOR_IMPORT("[resource-drop]tensor") void DropTensor(Resource tensor);

GRAPH_IMPORT("load")
void GraphLoad(const wasi_nn_graph_builder* builders, size_t n_builders, uint32_t encoding,
               uint32_t target, Reply* out);
GRAPH_IMPORT("load-by-name") void GraphLoadByName(const char* name, size_t size, Reply* out);
GRAPH_IMPORT("[method]graph.init-execution-context") void GraphInit(Resource graph, Reply* out);
GRAPH_IMPORT("[resource-drop]graph") void DropGraph(Resource graph);

struct ComputeReply {
  uint8_t is_error;
  union {
    List outputs;
    Resource error;
  };
};
INFERENCE_IMPORT("[method]graph-execution-context.compute")
void ContextCompute(Resource context, const NamedTensor* inputs, size_t n_inputs,
                    ComputeReply* out);
INFERENCE_IMPORT("[resource-drop]graph-execution-context") void DropContext(Resource context);

ERRORS_IMPORT("[method]error.code") uint32_t ErrorCode(Resource error);
ERRORS_IMPORT("[method]error.data") void ErrorData(Resource error, List* out);
ERRORS_IMPORT("[resource-drop]error") void DropError(Resource error);

// wasi_nn.h's numbers of types in the WIT's.
constexpr uint32_t kWitTypes[] = {0, 1, 2, 4, 5, 6, 3};
constexpr uint32_t kElementBytes[] = {2, 4, 8, 2, 1, 4, 8};  // by the WIT's numbers
constexpr uint32_t kWitU8 = 4;

std::string& LastError() {
  static std::string text;
  return text;
}

// `error-code` as witx's errno, which has no timeout, security or unknown.
wasi_nn_errno ErrnoOf(uint32_t code) {
  constexpr wasi_nn_errno kErrnos[] = {WASI_NN_ERRNO_INVALID_ARGUMENT,
                                       WASI_NN_ERRNO_INVALID_ENCODING,
                                       WASI_NN_ERRNO_RUNTIME_ERROR,
                                       WASI_NN_ERRNO_RUNTIME_ERROR,
                                       WASI_NN_ERRNO_UNSUPPORTED_OPERATION,
                                       WASI_NN_ERRNO_TOO_LARGE,
                                       WASI_NN_ERRNO_NOT_FOUND,
                                       WASI_NN_ERRNO_UNSUPPORTED_OPERATION,
                                       WASI_NN_ERRNO_RUNTIME_ERROR};
  return code < std::size(kErrnos) ? kErrnos[code] : WASI_NN_ERRNO_RUNTIME_ERROR;
}

// Drops what of the context's outputs the guest holds.
void DropOutputs(Context& context) {
  for (size_t i = 0; i < context.outputs.size; ++i) {
    auto& output = static_cast<NamedTensor*>(context.outputs.data)[i];
    DropTensor(output.tensor);
    if (output.name_size > 0) std::free(const_cast<char*>(output.name));
  }
  if (context.outputs.size > 0) std::free(context.outputs.data);
  context.outputs = {};
}

wasi_nn_errno SetInput(Context& context, std::string name, const wasi_nn_tensor& tensor) {
  if (tensor.type >= std::size(kWitTypes)) {
    return Refuse("tensor type " + std::to_string(tensor.type) + " is unknown");
  }
  const Resource made = NewTensor(tensor.dimensions, tensor.n_dimensions, kWitTypes[tensor.type],
                                  tensor.data, tensor.size_bytes);
  for (auto& [known, waiting] : context.inputs) {
    if (known != name) continue;
    DropTensor(std::exchange(waiting, made));
    return WASI_NN_ERRNO_SUCCESS;
  }
  context.inputs.emplace_back(std::move(name), made);
  return WASI_NN_ERRNO_SUCCESS;
}

// Null, with the reason in `errno_`, when there is no such output.
const NamedTensor* OutputAt(const Context& context, size_t index, wasi_nn_errno* errno_) {
  const auto* outputs = static_cast<const NamedTensor*>(context.outputs.data);
  if (context.outputs.size == 0) {
    *errno_ = Refuse("nothing was computed yet", WASI_NN_ERRNO_RUNTIME_ERROR);
    return nullptr;
  }
  if (index >= context.outputs.size) {
    *errno_ = Refuse("the model has " + std::to_string(context.outputs.size) +
                     " outputs, none with index " + std::to_string(index));
    return nullptr;
  }
  return &outputs[index];
}

const NamedTensor* OutputNamed(const Context& context, std::string_view name,
                               wasi_nn_errno* errno_) {
  const auto* outputs = static_cast<const NamedTensor*>(context.outputs.data);
  for (size_t i = 0; i < context.outputs.size; ++i) {
    if (std::string_view(outputs[i].name, outputs[i].name_size) == name) return &outputs[i];
  }
  size_t index = 0;
  const auto number = std::from_chars(name.data(), name.data() + name.size(), index);
  const bool is_number = number.ec == std::errc{} && number.ptr == name.data() + name.size();
  if (is_number || context.outputs.size == 0) return OutputAt(context, index, errno_);
  *errno_ = Refuse("the model has no output '" + std::string(name) + "'");
  return nullptr;
}

wasi_nn_errno ReadDims(Resource tensor, uint32_t* dimensions, uint32_t n_dimensions,
                       uint32_t* rank) {
  List dims;
  TensorDimensions(tensor, &dims);
  const wasi_nn_errno error =
      WriteOut(dims.data, static_cast<uint32_t>(dims.size), 4, dimensions, n_dimensions, rank);
  if (dims.size > 0) std::free(dims.data);
  return error;
}

wasi_nn_errno ReadType(Resource tensor, wasi_nn_value_type* type) {
  // By the WIT's numbers; types that have none there cross as U8, too.
  constexpr wasi_nn_value_type kTypes[] = {
      {WASI_NN_TENSOR_TYPE_F16, 10},  {WASI_NN_TENSOR_TYPE_F32, 1}, {WASI_NN_TENSOR_TYPE_F64, 11},
      {WASI_NN_TENSOR_TYPE_BF16, 16}, {WASI_NN_TENSOR_TYPE_U8, 0},  {WASI_NN_TENSOR_TYPE_I32, 6},
      {WASI_NN_TENSOR_TYPE_I64, 7}};
  *type = kTypes[TensorType(tensor)];
  return WASI_NN_ERRNO_SUCCESS;
}

// The output's bytes to the front of `buffer`, without a copy in between.
wasi_nn_errno ReadOutput(Resource tensor, uint8_t* buffer, uint32_t capacity,
                         uint32_t* size_bytes) {
  const uint32_t type = TensorType(tensor);
  // Types that wasi:nn has no name for cross as U8, several bytes an element: their size is known
  // once they are there.
  if (type != kWitU8) {
    List dims;
    TensorDimensions(tensor, &dims);
    uint64_t size = kElementBytes[type];
    for (size_t i = 0; i < dims.size; ++i) size *= static_cast<const uint32_t*>(dims.data)[i];
    if (dims.size > 0) std::free(dims.data);
    *size_bytes = static_cast<uint32_t>(size);
    if (size > capacity) return TooSmall(capacity, *size_bytes);
  }
  List data;
  SetTarget(buffer, capacity);
  TensorData(tensor, &data);
  SetTarget(nullptr, 0);
  *size_bytes = static_cast<uint32_t>(data.size);
  if (data.size == 0 || data.data == buffer) return WASI_NN_ERRNO_SUCCESS;
  std::free(data.data);
  return TooSmall(capacity, *size_bytes);
}

}  // namespace

Table<Graph>& Graphs() {
  static Table<Graph> table;
  return table;
}

Table<Context>& Contexts() {
  static Table<Context> table;
  return table;
}

wasi_nn_errno Refuse(std::string why, wasi_nn_errno code) {
  LastError() = std::move(why);
  return code;
}

wasi_nn_errno TooSmall(uint32_t capacity, uint32_t needed) {
  return Refuse("the buffer has room for " + std::to_string(capacity) + ", needed is " +
                    std::to_string(needed),
                WASI_NN_ERRNO_TOO_LARGE);
}

wasi_nn_errno TakeError(Resource error) {
  List text;
  ErrorData(error, &text);
  LastError().assign(static_cast<const char*>(text.data), text.size);
  if (text.size > 0) std::free(text.data);
  const wasi_nn_errno code = ErrnoOf(ErrorCode(error));
  DropError(error);
  return code;
}

wasi_nn_errno WriteOut(const void* data, uint32_t size, uint32_t unit, void* buffer,
                       uint32_t capacity, uint32_t* out) {
  *out = size;
  if (size > capacity) return TooSmall(capacity, size);
  if (size > 0) std::memcpy(buffer, data, size_t{size} * unit);
  return WASI_NN_ERRNO_SUCCESS;
}

}  // namespace wasi_nn_component

using namespace wasi_nn_component;

namespace {

wasi_nn_errno NoSuch(const char* what, uint32_t handle) {
  return Refuse(std::string("there is no ") + what + " with handle " + std::to_string(handle));
}

wasi_nn_errno TakeGraph(const Reply& reply, wasi_nn_graph* graph) {
  if (reply.is_error != 0) return TakeError(reply.resource);
  *graph = Graphs().Put({.resource = reply.resource});
  return WASI_NN_ERRNO_SUCCESS;
}

}  // namespace

extern "C" {

wasi_nn_errno wasi_nn_load(const wasi_nn_graph_builder* builders, uint32_t n_builders,
                           wasi_nn_graph_encoding encoding, wasi_nn_execution_target target,
                           wasi_nn_graph* graph) {
  constexpr uint32_t kWitAutodetect = 6;  // 5 is ggml there
  if (encoding == WASI_NN_GRAPH_ENCODING_AUTODETECT) encoding = kWitAutodetect;
  if (encoding > kWitAutodetect) {
    return Refuse("graph encoding " + std::to_string(encoding) + " is unknown",
                  WASI_NN_ERRNO_INVALID_ENCODING);
  }
  if (target > WASI_NN_EXECUTION_TARGET_TPU) {
    return Refuse("execution target " + std::to_string(target) + " is unknown");
  }
  Reply reply;
  GraphLoad(builders, n_builders, encoding, target, &reply);
  return TakeGraph(reply, graph);
}

wasi_nn_errno wasi_nn_load_by_name(const char* name, uint32_t name_size_bytes,
                                   wasi_nn_graph* graph) {
  Reply reply;
  GraphLoadByName(name, name_size_bytes, &reply);
  return TakeGraph(reply, graph);
}

// wasi:nn has no such thing; the configuration is for hosts that have.
wasi_nn_errno wasi_nn_load_by_name_with_config(const char* name, uint32_t name_size_bytes,
                                               const char* /*config*/, uint32_t /*size*/,
                                               wasi_nn_graph* graph) {
  return wasi_nn_load_by_name(name, name_size_bytes, graph);
}

wasi_nn_errno wasi_nn_init_execution_context(wasi_nn_graph handle,
                                             wasi_nn_graph_execution_context* context) {
  const Graph* graph = Graphs().Find(handle);
  if (graph == nullptr) return NoSuch("graph", handle);
  Reply reply;
  GraphInit(graph->resource, &reply);
  if (reply.is_error != 0) return TakeError(reply.resource);
  *context = Contexts().Put({.resource = reply.resource});
  return WASI_NN_ERRNO_SUCCESS;
}

wasi_nn_errno wasi_nn_set_input(wasi_nn_graph_execution_context handle, uint32_t index,
                                const wasi_nn_tensor* tensor) {
  Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  return SetInput(*context, std::to_string(index), *tensor);
}

wasi_nn_errno wasi_nn_onnx_set_input_by_name(wasi_nn_graph_execution_context handle,
                                             const char* name, uint32_t name_size_bytes,
                                             const wasi_nn_tensor* tensor) {
  Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  return SetInput(*context, std::string(name, name_size_bytes), *tensor);
}

wasi_nn_errno wasi_nn_compute(wasi_nn_graph_execution_context handle) {
  Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  DropOutputs(*context);
  std::vector<NamedTensor> inputs;
  for (const auto& [name, tensor] : context->inputs) {
    inputs.push_back({name.data(), name.size(), tensor});
  }
  ComputeReply reply;
  ContextCompute(context->resource, inputs.data(), inputs.size(), &reply);
  context->inputs.clear();  // the host has taken them
  if (reply.is_error != 0) return TakeError(reply.error);
  context->outputs = reply.outputs;
  return WASI_NN_ERRNO_SUCCESS;
}

wasi_nn_errno wasi_nn_get_output(wasi_nn_graph_execution_context handle, uint32_t index,
                                 uint8_t* buffer, uint32_t buffer_size_bytes,
                                 uint32_t* size_bytes) {
  const Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  wasi_nn_errno error = WASI_NN_ERRNO_SUCCESS;
  const NamedTensor* output = OutputAt(*context, index, &error);
  if (output == nullptr) return error;
  return ReadOutput(output->tensor, buffer, buffer_size_bytes, size_bytes);
}

wasi_nn_errno wasi_nn_onnx_get_output_by_name(wasi_nn_graph_execution_context handle,
                                              const char* name, uint32_t name_size_bytes,
                                              uint8_t* buffer, uint32_t buffer_size_bytes,
                                              uint32_t* size_bytes) {
  const Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  wasi_nn_errno error = WASI_NN_ERRNO_SUCCESS;
  const NamedTensor* output = OutputNamed(*context, {name, name_size_bytes}, &error);
  if (output == nullptr) return error;
  return ReadOutput(output->tensor, buffer, buffer_size_bytes, size_bytes);
}

wasi_nn_errno wasi_nn_onnx_output_dims(wasi_nn_graph_execution_context handle, uint32_t index,
                                       uint32_t* dimensions, uint32_t n_dimensions,
                                       uint32_t* rank) {
  const Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  wasi_nn_errno error = WASI_NN_ERRNO_SUCCESS;
  const NamedTensor* output = OutputAt(*context, index, &error);
  return output == nullptr ? error : ReadDims(output->tensor, dimensions, n_dimensions, rank);
}

wasi_nn_errno wasi_nn_onnx_output_dims_by_name(wasi_nn_graph_execution_context handle,
                                               const char* name, uint32_t name_size_bytes,
                                               uint32_t* dimensions, uint32_t n_dimensions,
                                               uint32_t* rank) {
  const Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  wasi_nn_errno error = WASI_NN_ERRNO_SUCCESS;
  const NamedTensor* output = OutputNamed(*context, {name, name_size_bytes}, &error);
  return output == nullptr ? error : ReadDims(output->tensor, dimensions, n_dimensions, rank);
}

wasi_nn_errno wasi_nn_onnx_output_type(wasi_nn_graph_execution_context handle, uint32_t index,
                                       wasi_nn_value_type* type) {
  const Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  wasi_nn_errno error = WASI_NN_ERRNO_SUCCESS;
  const NamedTensor* output = OutputAt(*context, index, &error);
  return output == nullptr ? error : ReadType(output->tensor, type);
}

wasi_nn_errno wasi_nn_onnx_output_type_by_name(wasi_nn_graph_execution_context handle,
                                               const char* name, uint32_t name_size_bytes,
                                               wasi_nn_value_type* type) {
  const Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  wasi_nn_errno error = WASI_NN_ERRNO_SUCCESS;
  const NamedTensor* output = OutputNamed(*context, {name, name_size_bytes}, &error);
  return output == nullptr ? error : ReadType(output->tensor, type);
}

wasi_nn_errno wasi_nn_unload(wasi_nn_graph handle) {
  const Graph* graph = Graphs().Find(handle);
  if (graph == nullptr) return NoSuch("graph", handle);
  for (const Values& values : graph->values) {
    if (values.free != nullptr) values.free(values.list);
  }
  DropGraph(graph->resource);
  Graphs().Erase(handle);
  return WASI_NN_ERRNO_SUCCESS;
}

wasi_nn_errno wasi_nn_finalize_execution_context(wasi_nn_graph_execution_context handle) {
  Context* context = Contexts().Find(handle);
  if (context == nullptr) return NoSuch("execution context", handle);
  DropOutputs(*context);
  for (const auto& [name, tensor] : context->inputs) DropTensor(tensor);
  DropContext(context->resource);
  Contexts().Erase(handle);
  return WASI_NN_ERRNO_SUCCESS;
}

wasi_nn_errno wasi_nn_onnx_last_error(char* buffer, uint32_t buffer_size_bytes,
                                      uint32_t* size_bytes) {
  const std::string text = LastError();  // which a small buffer must not change
  const wasi_nn_errno error = WriteOut(text.data(), static_cast<uint32_t>(text.size()), 1, buffer,
                                       buffer_size_bytes, size_bytes);
  LastError() = text;
  return error;
}

}  // extern "C"
