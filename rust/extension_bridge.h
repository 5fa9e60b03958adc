// The C side of src/extension.rs: defines the interfaces of wasi-nn-onnx:extension@0.1.0 in a
// component linker. As wit_bridge.h in everything; its graphs, contexts and errors are wasi:nn's,
// of whatever version.
#pragma once

#include <wasmtime.h>

#include "rust/wit_bridge.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wnn_extension_dimension {
  int64_t size;            // negative unless it is fixed
  wnn_wit_bytes_t symbol;  // empty if it has none
} wnn_extension_dimension_t;

// `tensor-type` of a value whose type wasi:nn has no name for.
#define WNN_EXTENSION_NO_TYPE 0xff

typedef struct wnn_extension_value {
  wnn_wit_bytes_t name;
  uint8_t type;  // numbered as `tensor-type`, or WNN_EXTENSION_NO_TYPE
  uint32_t onnx_type;
  bool has_dimensions;
  const wnn_extension_dimension_t* dimensions;  // may be null if there are none
  size_t n_dimensions;
} wnn_extension_value_t;

typedef struct wnn_extension_property {
  wnn_wit_bytes_t key;
  wnn_wit_bytes_t value;
} wnn_extension_property_t;

typedef struct wnn_extension_metadata {
  wnn_wit_bytes_t producer_name;
  wnn_wit_bytes_t producer_version;
  wnn_wit_bytes_t domain;
  int64_t version;
  wnn_wit_bytes_t graph_name;
  wnn_wit_bytes_t description;
  const wnn_extension_property_t* properties;  // may be null if there are none
  size_t n_properties;
} wnn_extension_metadata_t;

// No text need be UTF-8.
typedef struct wnn_extension_functions {
  // The inputs, or the outputs, by calling `give` with `values` and each in turn.
  wasmtime_error_t* (*values)(void* env, wasmtime_context_t* context, uint32_t graph, bool outputs,
                              void (*give)(void* values, const wnn_extension_value_t* value),
                              void* values_);
  // By calling `give` once.
  wasmtime_error_t* (*metadata)(void* env, wasmtime_context_t* context, uint32_t graph,
                                void (*give)(void* out, const wnn_extension_metadata_t* metadata),
                                void* out);
  wasmtime_error_t* (*bind_output)(void* env, wasmtime_context_t* context,
                                   uint32_t execution_context, wnn_wit_bytes_t output,
                                   wnn_wit_bytes_t input, wnn_wit_reply_t* reply);
  wasmtime_error_t* (*unbind_input)(void* env, wasmtime_context_t* context,
                                    uint32_t execution_context, wnn_wit_bytes_t input,
                                    wnn_wit_reply_t* reply);
} wnn_extension_functions_t;

// As wnn_wit_add_to_linker.
wasmtime_error_t* wnn_extension_add_to_linker(wasmtime_component_linker_t* linker,
                                              const wnn_extension_functions_t* functions, void* env,
                                              void (*finalizer)(void* env));

#ifdef __cplusplus
}  // extern "C"
#endif
