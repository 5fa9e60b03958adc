// WASI-NN for components: the interfaces of `wasi:nn`, as its WIT defines them.
#pragma once

#include <wasmtime.h>

#include <cstdint>
#include <functional>

#include "engine/base/status.h"
#include "host/abi/wit/guest.h"

namespace wnn::abi {

// What the component in this store holds. Called on every call: keep it cheap.
using WitGuestOf = std::function<WitGuest&(wasmtime_context_t*)>;

// Defines tensor, graph, inference and errors of wasi:nn in `linker`, for whatever store it later
// instantiates in: 0.2.0-rc-2024-10-28, 0.2.0-rc-2024-08-19 and 0.2.0-rc-2024-06-25. A component
// may import any part of any of them. The calls report failures as WASI-NN's `error` resources,
// which carry our message; where the WIT has no room for one they trap. Fails when the linker has
// one of the interfaces already.
//
//   nn::Session session(environment, {});
//   abi::WitGuest guest(session);  // these two outlive the store
//   abi::AddWitToLinker(linker, [&](wasmtime_context_t*) -> abi::WitGuest& { return guest; });
//   abi::SetCallBytesLimit(context, environment->options().limits);
Status AddWitToLinker(wasmtime_component_linker_t* linker, WitGuestOf guest_of);

// The same for wasi-nn-onnx:extension@0.1.0, ours: what models are, and state that stays on the
// host (guest/wit/extension). For linkers that have WASI-NN, with the same guest.
Status AddExtensionToLinker(wasmtime_component_linker_t* linker, WitGuestOf guest_of);

// Lets the store's guest pass a model or a tensor as large as `limits` allow in one call; without
// this Wasmtime traps at 128 MiB.
void SetCallBytesLimit(wasmtime_context_t* store, const Limits& limits);

}  // namespace wnn::abi
