// The C side of src/wit.rs: defines wasi:nn's interfaces in a component linker as typed functions
// that call the functions of a table. Defined in libwnn_wasmtime.a, beside Wasmtime's C API.
//
// Every function of the table
//   - gets `env`, as it was given to wnn_wit_add_to_linker, and the calling store's context,
//   - may be called from any thread that runs a store, and must neither throw nor unwind,
//   - returns null, or an error that becomes a trap in the guest; the bridge takes it over.
// What it is given is borrowed for the call. What it gives back, in spans, must stay as it is until
// its next call from the same store.
//
// Resources are u32 representations that the C side chooses. It owns what they stand for, until
// their `_drop` is called or a function takes them. Guests cannot forge them.
#pragma once

#include <wasmtime.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wnn_wit_bytes {
  const uint8_t* data;  // may be null if `len` is 0
  size_t len;
} wnn_wit_bytes_t;

typedef struct wnn_wit_u32s {
  const uint32_t* data;  // as above
  size_t len;
} wnn_wit_u32s_t;

typedef struct wnn_wit_named {
  wnn_wit_bytes_t name;
  uint32_t tensor;
} wnn_wit_named_t;

typedef struct wnn_wit_nameds {
  const wnn_wit_named_t* data;
  size_t len;
} wnn_wit_nameds_t;

// The outputs of a compute: a list whose memory serves one compute after the other. The C side
// keeps one for each store.
typedef struct wnn_wit_outputs wnn_wit_outputs_t;
wnn_wit_outputs_t* wnn_wit_outputs_new(void);
void wnn_wit_outputs_delete(wnn_wit_outputs_t* outputs);  // null does nothing
void wnn_wit_outputs_clear(wnn_wit_outputs_t* outputs);
// Copies the name, which need not be UTF-8.
void wnn_wit_outputs_add(wnn_wit_outputs_t* outputs, wnn_wit_bytes_t name, uint32_t tensor);

// The outcome of a call that can fail: `rep` is a new resource, an error if `is_error`; without
// meaning for a success that has no resource.
typedef struct wnn_wit_reply {
  bool is_error;
  uint32_t rep;
} wnn_wit_reply_t;

// Enumerations are numbered from 0 in the WIT's order.
typedef struct wnn_wit_functions {
  wasmtime_error_t* (*tensor_new)(void* env, wasmtime_context_t* context, wnn_wit_u32s_t dimensions,
                                  uint8_t type, wnn_wit_bytes_t data, uint32_t* tensor);
  wasmtime_error_t* (*tensor_dimensions)(void* env, wasmtime_context_t* context, uint32_t tensor,
                                         wnn_wit_u32s_t* dimensions);
  wasmtime_error_t* (*tensor_type)(void* env, wasmtime_context_t* context, uint32_t tensor,
                                   uint8_t* type);
  wasmtime_error_t* (*tensor_data)(void* env, wasmtime_context_t* context, uint32_t tensor,
                                   wnn_wit_bytes_t* data);
  wasmtime_error_t* (*tensor_drop)(void* env, wasmtime_context_t* context, uint32_t tensor);

  // `first_builder` is the first of the `n_builders`, empty if there is none.
  wasmtime_error_t* (*load)(void* env, wasmtime_context_t* context, size_t n_builders,
                            wnn_wit_bytes_t first_builder, uint8_t encoding, uint8_t target,
                            wnn_wit_reply_t* graph);
  wasmtime_error_t* (*load_by_name)(void* env, wasmtime_context_t* context, wnn_wit_bytes_t name,
                                    wnn_wit_reply_t* graph);
  wasmtime_error_t* (*graph_init)(void* env, wasmtime_context_t* context, uint32_t graph,
                                  wnn_wit_reply_t* execution_context);
  wasmtime_error_t* (*graph_drop)(void* env, wasmtime_context_t* context, uint32_t graph);

  // The single compute. Takes the inputs' tensors, whether it succeeds or not. When it succeeds,
  // `*outputs` is what it gives, borrowed as spans are.
  wasmtime_error_t* (*context_run)(void* env, wasmtime_context_t* context,
                                   uint32_t execution_context, wnn_wit_nameds_t inputs,
                                   const wnn_wit_outputs_t** outputs, wnn_wit_reply_t* reply);
  // Takes the tensor, whether it succeeds or not.
  wasmtime_error_t* (*context_set_input)(void* env, wasmtime_context_t* context,
                                         uint32_t execution_context, wnn_wit_bytes_t name,
                                         uint32_t tensor, wnn_wit_reply_t* reply);
  wasmtime_error_t* (*context_compute)(void* env, wasmtime_context_t* context,
                                       uint32_t execution_context, wnn_wit_reply_t* reply);
  wasmtime_error_t* (*context_get_output)(void* env, wasmtime_context_t* context,
                                          uint32_t execution_context, wnn_wit_bytes_t name,
                                          wnn_wit_reply_t* tensor);
  wasmtime_error_t* (*context_drop)(void* env, wasmtime_context_t* context,
                                    uint32_t execution_context);

  wasmtime_error_t* (*error_new)(void* env, wasmtime_context_t* context, uint8_t code,
                                 wnn_wit_bytes_t data, uint32_t* error);
  wasmtime_error_t* (*error_code)(void* env, wasmtime_context_t* context, uint32_t error,
                                  uint8_t* code);
  // The text need not be UTF-8.
  wasmtime_error_t* (*error_data)(void* env, wasmtime_context_t* context, uint32_t error,
                                  wnn_wit_bytes_t* data);
  wasmtime_error_t* (*error_drop)(void* env, wasmtime_context_t* context, uint32_t error);
} wnn_wit_functions_t;

// One version of wasi:nn, as guests were built for it.
typedef struct wnn_wit_version {
  const char* name;            // what stands after the @: "0.2.0-rc-2024-10-28"
  bool has_set_input;          // set-input, compute, get-output rather than the single compute
  bool has_error_constructor;  // guests may make errors
} wnn_wit_version_t;

// Defines tensor, graph, inference and errors of each version. `functions` is copied. `finalizer`,
// unless null, gets `env` once neither the linker nor anything instantiated by it can call any
// more, also when this fails: because the linker has one of the names already.
wasmtime_error_t* wnn_wit_add_to_linker(wasmtime_component_linker_t* linker,
                                        const wnn_wit_version_t* versions, size_t n_versions,
                                        const wnn_wit_functions_t* functions, void* env,
                                        void (*finalizer)(void* env));

#ifdef __cplusplus
}  // extern "C"
#endif
