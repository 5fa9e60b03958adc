/* What wasi-nn-onnx offers beyond WASI-NN, in C: what a model is, tensors by name, state that stays
 * on the host, the last error's text. In core modules the imports of `wasi_nn_onnx`; with
 * WASI_NN_COMPONENT defined, functions on top of wasi:nn and wasi-nn-onnx:extension@0.1.0
 * (guest/component). A guest that calls one runs on this host only; but in components the
 * functions marked with (*) run on every host of wasi:nn.
 *
 * Conventions, errors, lifetime and threading are wasi_nn.h's. Where something is written to a
 * buffer, its whole size goes to the last parameter, and a buffer that is too small gets nothing
 * but that: WASI_NN_ERRNO_TOO_LARGE. Texts have no NUL at their end.
 */
#ifndef WASI_NN_ONNX_H_
#define WASI_NN_ONNX_H_

#include "wasi_nn.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__wasm__) && !defined(WASI_NN_COMPONENT)
#define WASI_NN_ONNX_IMPORT(name) \
  __attribute__((import_module("wasi_nn_onnx"), import_name(name))) extern
#else
#define WASI_NN_ONNX_IMPORT(name) extern
#endif

/* A graph's inputs or its outputs. */
typedef uint32_t wasi_nn_side;
enum { WASI_NN_SIDE_INPUTS = 0, WASI_NN_SIDE_OUTPUTS = 1 };

/* Where there is none: of a type's number, a fixed dimension, a declared rank. */
#define WASI_NN_NONE UINT32_C(0xffffffff)

typedef struct wasi_nn_value_type {
  wasi_nn_tensor_type type; /* WASI_NN_NONE for a type without a number, which crosses as u8 */
  uint32_t onnx_type;       /* TensorProto.DataType; 0 if the model does not say */
} wasi_nn_value_type;

typedef uint32_t wasi_nn_metadata_field;
enum {
  WASI_NN_METADATA_PRODUCER_NAME = 0,
  WASI_NN_METADATA_PRODUCER_VERSION = 1,
  WASI_NN_METADATA_DOMAIN = 2,
  WASI_NN_METADATA_VERSION = 3, /* in decimal */
  WASI_NN_METADATA_GRAPH_NAME = 4,
  WASI_NN_METADATA_DESCRIPTION = 5
};

WASI_NN_ONNX_IMPORT("value_count")
wasi_nn_errno wasi_nn_onnx_value_count(wasi_nn_graph graph, wasi_nn_side side, uint32_t* count);

WASI_NN_ONNX_IMPORT("value_index")
wasi_nn_errno wasi_nn_onnx_value_index(wasi_nn_graph graph, wasi_nn_side side, const char* name,
                                       uint32_t name_size_bytes, uint32_t* index);

WASI_NN_ONNX_IMPORT("value_name")
wasi_nn_errno wasi_nn_onnx_value_name(wasi_nn_graph graph, wasi_nn_side side, uint32_t index,
                                      char* buffer, uint32_t buffer_size_bytes,
                                      uint32_t* size_bytes);

WASI_NN_ONNX_IMPORT("value_type")
wasi_nn_errno wasi_nn_onnx_value_type(wasi_nn_graph graph, wasi_nn_side side, uint32_t index,
                                      wasi_nn_value_type* type);

/* `rank` is WASI_NN_NONE if the model allows any, and so is a dimension that is not fixed. */
WASI_NN_ONNX_IMPORT("value_dims")
wasi_nn_errno wasi_nn_onnx_value_dims(wasi_nn_graph graph, wasi_nn_side side, uint32_t index,
                                      uint32_t* dimensions, uint32_t n_dimensions, uint32_t* rank);

/* Empty for a dimension that is fixed or has no name. */
WASI_NN_ONNX_IMPORT("value_dim_name")
wasi_nn_errno wasi_nn_onnx_value_dim_name(wasi_nn_graph graph, wasi_nn_side side, uint32_t index,
                                          uint32_t dimension, char* buffer,
                                          uint32_t buffer_size_bytes, uint32_t* size_bytes);

/* (*) The dimensions of an output of the last compute. */
WASI_NN_ONNX_IMPORT("output_dims")
wasi_nn_errno wasi_nn_onnx_output_dims(wasi_nn_graph_execution_context context, uint32_t index,
                                       uint32_t* dimensions, uint32_t n_dimensions, uint32_t* rank);

/* (*) */
WASI_NN_ONNX_IMPORT("output_dims_by_name")
wasi_nn_errno wasi_nn_onnx_output_dims_by_name(wasi_nn_graph_execution_context context,
                                               const char* name, uint32_t name_size_bytes,
                                               uint32_t* dimensions, uint32_t n_dimensions,
                                               uint32_t* rank);

/* (*) The element type of an output of the last compute. In components `onnx_type` is 0 for what
 * crosses as U8. */
WASI_NN_ONNX_IMPORT("output_type")
wasi_nn_errno wasi_nn_onnx_output_type(wasi_nn_graph_execution_context context, uint32_t index,
                                       wasi_nn_value_type* type);

/* (*) */
WASI_NN_ONNX_IMPORT("output_type_by_name")
wasi_nn_errno wasi_nn_onnx_output_type_by_name(wasi_nn_graph_execution_context context,
                                               const char* name, uint32_t name_size_bytes,
                                               wasi_nn_value_type* type);

/* (*) As wasi_nn_set_input. */
WASI_NN_ONNX_IMPORT("set_input_by_name")
wasi_nn_errno wasi_nn_onnx_set_input_by_name(wasi_nn_graph_execution_context context,
                                             const char* name, uint32_t name_size_bytes,
                                             const wasi_nn_tensor* tensor);

/* (*) As wasi_nn_get_output. */
WASI_NN_ONNX_IMPORT("get_output_by_name")
wasi_nn_errno wasi_nn_onnx_get_output_by_name(wasi_nn_graph_execution_context context,
                                              const char* name, uint32_t name_size_bytes,
                                              uint8_t* buffer, uint32_t buffer_size_bytes,
                                              uint32_t* size_bytes);

/* From now on, when the context computes again, the input has the value that the output had after
 * the last compute: state that does not cross the guest. What the guest sets counts for the next
 * compute; so does the first begin. */
WASI_NN_ONNX_IMPORT("bind_output")
wasi_nn_errno wasi_nn_onnx_bind_output(wasi_nn_graph_execution_context context, uint32_t output,
                                       uint32_t input);

/* The input keeps its value from now on. */
WASI_NN_ONNX_IMPORT("unbind_input")
wasi_nn_errno wasi_nn_onnx_unbind_input(wasi_nn_graph_execution_context context, uint32_t input);

WASI_NN_ONNX_IMPORT("bind_output_by_name")
wasi_nn_errno wasi_nn_onnx_bind_output_by_name(wasi_nn_graph_execution_context context,
                                               const char* output, uint32_t output_size_bytes,
                                               const char* input, uint32_t input_size_bytes);

WASI_NN_ONNX_IMPORT("unbind_input_by_name")
wasi_nn_errno wasi_nn_onnx_unbind_input_by_name(wasi_nn_graph_execution_context context,
                                                const char* input, uint32_t input_size_bytes);

WASI_NN_ONNX_IMPORT("metadata")
wasi_nn_errno wasi_nn_onnx_metadata(wasi_nn_graph graph, wasi_nn_metadata_field field, char* buffer,
                                    uint32_t buffer_size_bytes, uint32_t* size_bytes);

/* The model's metadata_props. */
WASI_NN_ONNX_IMPORT("property_count")
wasi_nn_errno wasi_nn_onnx_property_count(wasi_nn_graph graph, uint32_t* count);

WASI_NN_ONNX_IMPORT("property_key")
wasi_nn_errno wasi_nn_onnx_property_key(wasi_nn_graph graph, uint32_t index, char* buffer,
                                        uint32_t buffer_size_bytes, uint32_t* size_bytes);

/* WASI_NN_ERRNO_NOT_FOUND for a key that the model does not have. */
WASI_NN_ONNX_IMPORT("property")
wasi_nn_errno wasi_nn_onnx_property(wasi_nn_graph graph, const char* key, uint32_t key_size_bytes,
                                    char* buffer, uint32_t buffer_size_bytes, uint32_t* size_bytes);

/* (*) What was wrong with the last call that the host refused. */
WASI_NN_ONNX_IMPORT("last_error")
wasi_nn_errno wasi_nn_onnx_last_error(char* buffer, uint32_t buffer_size_bytes,
                                      uint32_t* size_bytes);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* WASI_NN_ONNX_H_ */
