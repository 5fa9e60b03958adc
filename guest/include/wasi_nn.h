/* WASI-NN in C: the functions of `wasi_ephemeral_nn` and the layouts, enumerations and error
 * numbers that go with them. Usable from C11 and C++.
 *
 * In core modules they are imports. With WASI_NN_COMPONENT defined, in components, they are
 * functions on top of the interfaces of wasi:nn@0.2.0-rc-2024-10-28:
 * guest/component/wasi_nn_component.cc.
 *
 * A guest's life with it, for each graph:
 *   wasi_nn_load | wasi_nn_load_by_name
 *   ( wasi_nn_init_execution_context
 *     ( wasi_nn_set_input* wasi_nn_compute wasi_nn_get_output* )* )*
 *
 * Errors: every function returns WASI_NN_ERRNO_SUCCESS or another wasi_nn_errno, and never traps.
 * Lifetime: pointers are borrowed for the call only; the host keeps copies. Handles live until the
 * module's instance ends, or until the extensions at the end of this file release them.
 * Threading: different contexts may compute in different threads; one context in one at a time.
 *
 * An unused function leaves no import in the module, so a host needs only what the guest calls.
 * Compiled for anything but WebAssembly, the functions are plain declarations with C linkage, which
 * a test may define.
 */
#ifndef WASI_NN_H_
#define WASI_NN_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#define WASI_NN_STATIC_ASSERT(condition, message) static_assert(condition, message)
#else
#define WASI_NN_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#endif

#if defined(__wasm__) && !defined(WASI_NN_COMPONENT)
#define WASI_NN_IMPORT(name) \
  __attribute__((import_module("wasi_ephemeral_nn"), import_name(name))) extern
#else
#define WASI_NN_IMPORT(name) extern
#endif

/* What went wrong. Not an enumeration type: hosts may return numbers beyond this list. */
typedef uint32_t wasi_nn_errno;
enum {
  WASI_NN_ERRNO_SUCCESS = 0,
  WASI_NN_ERRNO_INVALID_ARGUMENT = 1,      /* a handle, index, type, shape or pointer is wrong */
  WASI_NN_ERRNO_INVALID_ENCODING = 2,      /* the model's bytes are not of the named encoding */
  WASI_NN_ERRNO_MISSING_MEMORY = 3,        /* the module does not export its memory */
  WASI_NN_ERRNO_BUSY = 4,                  /* the context computes in another thread */
  WASI_NN_ERRNO_RUNTIME_ERROR = 5,         /* computing failed, or was asked in the wrong order */
  WASI_NN_ERRNO_UNSUPPORTED_OPERATION = 6, /* this host cannot do it, or its policy forbids it */
  WASI_NN_ERRNO_TOO_LARGE = 7,             /* over a limit of the host, or a buffer too small */
  WASI_NN_ERRNO_NOT_FOUND = 8              /* no graph of that name */
};

/* The type of a tensor's elements, little endian in memory. Types that have no number here cross as
 * U8: with the tensor's own dimensions, and as data the bytes of its elements. */
typedef uint32_t wasi_nn_tensor_type;
enum {
  WASI_NN_TENSOR_TYPE_F16 = 0,
  WASI_NN_TENSOR_TYPE_F32 = 1,
  WASI_NN_TENSOR_TYPE_F64 = 2,
  WASI_NN_TENSOR_TYPE_U8 = 3,
  WASI_NN_TENSOR_TYPE_I32 = 4,
  WASI_NN_TENSOR_TYPE_I64 = 5,
#ifdef WASI_NN_COMPONENT
  WASI_NN_TENSOR_TYPE_BF16 = 6 /* which wasi:nn can name, and must */
#endif
};

/* The format of a model's bytes. */
typedef uint32_t wasi_nn_graph_encoding;
enum {
  WASI_NN_GRAPH_ENCODING_OPENVINO = 0,
  WASI_NN_GRAPH_ENCODING_ONNX = 1,
  WASI_NN_GRAPH_ENCODING_TENSORFLOW = 2,
  WASI_NN_GRAPH_ENCODING_PYTORCH = 3,
  WASI_NN_GRAPH_ENCODING_TENSORFLOWLITE = 4,
  WASI_NN_GRAPH_ENCODING_AUTODETECT = 5
};

/* Where to compute. */
typedef uint32_t wasi_nn_execution_target;
enum {
  WASI_NN_EXECUTION_TARGET_CPU = 0,
  WASI_NN_EXECUTION_TARGET_GPU = 1,
  WASI_NN_EXECUTION_TARGET_TPU = 2
};

/* Handles. Never reused by the host, so a stale one is refused rather than mistaken. */
typedef uint32_t wasi_nn_graph;
typedef uint32_t wasi_nn_graph_execution_context;

/* One opaque part of a model. ONNX has exactly one: the model file's bytes. */
typedef struct wasi_nn_graph_builder {
  const uint8_t* data;
  uint32_t size_bytes;
} wasi_nn_graph_builder;

/* A dense row-major tensor. `n_dimensions` 0 is a scalar, which has one element. */
typedef struct wasi_nn_tensor {
  const uint32_t* dimensions;
  uint32_t n_dimensions;
  /* One byte for the ABI, which pads it with three; as a whole word the padding is always zero,
   * so that hosts that read four bytes see the same number. */
  wasi_nn_tensor_type type;
  const uint8_t* data;
  uint32_t size_bytes;
} wasi_nn_tensor;

#ifdef __wasm32__
WASI_NN_STATIC_ASSERT(sizeof(wasi_nn_graph_builder) == 8, "a builder is two words");
WASI_NN_STATIC_ASSERT(sizeof(wasi_nn_tensor) == 20, "a tensor is five words");
#endif

/* Loads and checks a model of `n_builders` parts for `target`. */
WASI_NN_IMPORT("load")
wasi_nn_errno wasi_nn_load(const wasi_nn_graph_builder* builders, uint32_t n_builders,
                           wasi_nn_graph_encoding encoding, wasi_nn_execution_target target,
                           wasi_nn_graph* graph);

/* Finds a graph that the host offers under a UTF-8 name, which need not end with a NUL. */
WASI_NN_IMPORT("load_by_name")
wasi_nn_errno wasi_nn_load_by_name(const char* name, uint32_t name_size_bytes,
                                   wasi_nn_graph* graph);

/* Makes an execution of `graph`, with inputs and outputs of its own. */
WASI_NN_IMPORT("init_execution_context")
wasi_nn_errno wasi_nn_init_execution_context(wasi_nn_graph graph,
                                             wasi_nn_graph_execution_context* context);

/* Copies `tensor` to the model's input number `index`, in the model's order. */
WASI_NN_IMPORT("set_input")
wasi_nn_errno wasi_nn_set_input(wasi_nn_graph_execution_context context, uint32_t index,
                                const wasi_nn_tensor* tensor);

/* Computes the outputs from the inputs. Inputs stay set for the next call. */
WASI_NN_IMPORT("compute")
wasi_nn_errno wasi_nn_compute(wasi_nn_graph_execution_context context);

/* Copies the bytes of output number `index` to `buffer` and their number to `size_bytes`. If the
 * buffer is too small: WASI_NN_ERRNO_TOO_LARGE, and on hosts that tell, `size_bytes` needed. */
WASI_NN_IMPORT("get_output")
wasi_nn_errno wasi_nn_get_output(wasi_nn_graph_execution_context context, uint32_t index,
                                 uint8_t* buffer, uint32_t buffer_size_bytes, uint32_t* size_bytes);

/* Extensions, which not every host has: a module that calls one does not instantiate elsewhere. */

/* As load_by_name, with a UTF-8 text that configures the graph; its meaning is the host's. */
WASI_NN_IMPORT("load_by_name_with_config")
wasi_nn_errno wasi_nn_load_by_name_with_config(const char* name, uint32_t name_size_bytes,
                                               const char* config, uint32_t config_size_bytes,
                                               wasi_nn_graph* graph);

/* Releases a graph. Contexts made from it stay usable. */
WASI_NN_IMPORT("unload")
wasi_nn_errno wasi_nn_unload(wasi_nn_graph graph);

/* Releases a context with its inputs and outputs. */
WASI_NN_IMPORT("finalize_execution_context")
wasi_nn_errno wasi_nn_finalize_execution_context(wasi_nn_graph_execution_context context);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* WASI_NN_H_ */
