// Outbound HTTP for components (wasi:http 0.2), each request decided by the host. Defined in
// libwnn_wasmtime.a, beside Wasmtime's C API.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wasmtime.h>

#ifdef __cplusplus
extern "C" {
#endif

// Whether the guest may send a request to `authority`: HOST or HOST:PORT as the guest wrote it, not
// terminated, perhaps empty or with a user's name. A request that may not is answered by
// HTTP-request-denied, and nothing is sent. `*max_wait_ns`, which is UINT64_MAX, may be set to how
// long the guest has left: the longest that the request waits for each of its steps: to connect, for
// the first byte, for more. Where a wait ends later than that, the engine's epoch ticks first, so
// that a store whose deadline this is ends its guest, which does not learn of the request's end.
typedef bool (*wnn_http_allows_t)(void* env, bool is_https, const char* authority,
                                  size_t authority_len, uint64_t* max_wait_ns);

// Adds wasi:http/types and wasi:http/outgoing-handler. `allows` may be called from any thread;
// `finalizer`, unless null, frees `env` when the last user of the linker is gone, and also when
// this fails. Stores must have wasmtime_context_set_wasi and wasmtime_context_set_wasi_http.
wasmtime_error_t* wnn_http_add_to_linker(wasmtime_component_linker_t* linker,
                                         wnn_http_allows_t allows, void* env,
                                         void (*finalizer)(void* env));

#ifdef __cplusplus
}  // extern "C"
#endif
