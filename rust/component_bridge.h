// What Wasmtime's C API lacks for components. Defined in libwnn_wasmtime.a, beside that API.
#pragma once

#include <wasmtime.h>

#ifdef __cplusplus
extern "C" {
#endif

// Null if `linker` has all that `component` imports, else an error that names what is missing or
// does not fit. Runs nothing.
wasmtime_error_t* wnn_component_check_imports(const wasmtime_component_linker_t* linker,
                                              const wasmtime_component_t* component);

// How many bytes a guest may pass in lists and strings in one call of the host; more is a trap.
// Wasmtime's default is 128 MiB. Holds for every host function of the store.
void wnn_component_set_call_bytes_limit(wasmtime_context_t* context, size_t bytes);

#ifdef __cplusplus
}  // extern "C"
#endif
