// The C side of src/tract.rs: the ONNX runtime Tract, in libwnn_wasmtime.a when that was built with
// the feature `tract` (tools/deps.py install --tract). Models are bytes of ONNX, tensors are dense
// and in row-major order, types are numbered as ONNX's TensorProto.DataType.
//
// What a function takes is borrowed for the call. A function that can fail returns null, or an
// error that the caller owns: a panic of Tract's becomes one, too. None of them prints.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wnn_tract_error wnn_tract_error_t;
typedef struct wnn_tract_model wnn_tract_model_t;      // immutable and thread-safe
typedef struct wnn_tract_context wnn_tract_context_t;  // thread-compatible

typedef struct wnn_tract_text {
  const char* data;  // UTF-8, without a zero at its end
  size_t len;
} wnn_tract_text_t;

typedef enum wnn_tract_error_kind {
  WNN_TRACT_NOT_ONNX,
  WNN_TRACT_INVALID,      // the model, or what was passed
  WNN_TRACT_UNSUPPORTED,  // an operator or a type that Tract lacks
  WNN_TRACT_TOO_LARGE,    // over the limit of memory
  WNN_TRACT_STOPPED,      // the caller said so
  WNN_TRACT_FAILED,
} wnn_tract_error_kind_t;

wnn_tract_error_kind_t wnn_tract_error_kind(const wnn_tract_error_t* error);
// Borrowed from the error.
wnn_tract_text_t wnn_tract_error_text(const wnn_tract_error_t* error);
void wnn_tract_error_delete(wnn_tract_error_t* error);

// "0.23.9"
wnn_tract_text_t wnn_tract_version(void);

// What a call may take and for how long. `stop` is asked between the phases of a load and between
// the operators of a compute; neither function may throw.
typedef struct wnn_tract_call {
  uint64_t max_memory_bytes;  // that the call may allocate, beyond what it frees
  void* env;                  // what both are called with
  bool (*stop)(void* env);
  // Of a load: appends bytes of the file that the model calls `location`, from `offset` on, to
  // `sink` by `give`; all that follow if `len` is negative. False when it cannot: the caller keeps
  // the reason. Null where models may have no files.
  bool (*read_file)(void* env, wnn_tract_text_t location, uint64_t offset, int64_t len,
                    void (*give)(void* sink, const uint8_t* data, size_t len), void* sink);
} wnn_tract_call_t;

// Reads, checks and optimises a model.
wnn_tract_error_t* wnn_tract_model_load(const uint8_t* data, size_t len,
                                        const wnn_tract_call_t* call, wnn_tract_model_t** model);
// Its contexts keep what they need of it.
void wnn_tract_model_delete(wnn_tract_model_t* model);
// Bytes that it holds: weights, above all.
uint64_t wnn_tract_model_bytes(const wnn_tract_model_t* model);

typedef struct wnn_tract_dim {
  int64_t size;             // -1: not fixed
  wnn_tract_text_t symbol;  // empty: none
} wnn_tract_dim_t;

// An input or output as the model declares it.
typedef struct wnn_tract_value {
  wnn_tract_text_t name;
  int32_t type;  // 0: not declared
  bool has_shape;
  const wnn_tract_dim_t* dims;
  size_t rank;
} wnn_tract_value_t;

// Calls `give` with each input, or each output, in order.
void wnn_tract_model_values(const wnn_tract_model_t* model, bool outputs,
                            void (*give)(void* env, const wnn_tract_value_t* value), void* env);

typedef struct wnn_tract_tensor {
  int32_t type;
  const int64_t* dims;
  size_t rank;
  const uint8_t* data;
  size_t len;
} wnn_tract_tensor_t;

wnn_tract_context_t* wnn_tract_context_new(const wnn_tract_model_t* model);
void wnn_tract_context_delete(wnn_tract_context_t* context);
// Bytes of the inputs and outputs that it holds.
uint64_t wnn_tract_context_bytes(const wnn_tract_context_t* context);
// Copies the tensor, into the memory of the one before if that is alike. REQUIRES: an input of
// this index, and a dense tensor of a type that the model may declare.
wnn_tract_error_t* wnn_tract_context_set_input(wnn_tract_context_t* context, size_t index,
                                               const wnn_tract_tensor_t* tensor);
// Whether the input was set.
bool wnn_tract_context_has_input(const wnn_tract_context_t* context, size_t index);
// After an error there are no outputs; the inputs stay.
wnn_tract_error_t* wnn_tract_context_compute(wnn_tract_context_t* context,
                                             const wnn_tract_call_t* call);
// An output of the last compute, borrowed until the next one. False when there is none.
bool wnn_tract_context_output(const wnn_tract_context_t* context, size_t index,
                              wnn_tract_tensor_t* tensor);
// Frees the outputs.
void wnn_tract_context_forget_outputs(wnn_tract_context_t* context);
// Makes an output of the last compute the value of an input, without a copy. False when there is
// none.
bool wnn_tract_context_feed_back(wnn_tract_context_t* context, size_t output, size_t input);

#ifdef __cplusplus
}  // extern "C"
#endif
