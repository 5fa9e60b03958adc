// WASI-NN for core modules: the imports of `wasi_ephemeral_nn`, as witx defines them, and those
// that WasmEdge and WAMR add.
#pragma once

#include <wasmtime.h>

#include <functional>

#include "engine/base/status.h"
#include "host/abi/witx/dialect.h"
#include "host/nn/session.h"

namespace wnn::abi {

// The session that serves a call from this store. Called on every call: keep it cheap.
using SessionOf = std::function<nn::Session&(wasmtime_context_t*)>;

// Defines every function of `wasi_ephemeral_nn` in `linker`, whatever store it later instantiates
// in. The calls report errors as WASI-NN's errno; none traps and none outlives the call. Fails when
// the linker already has one of the names.
//
//   wasmtime::Linker linker(engine);
//   abi::AddWitxToLinker(linker.capi(),
//                        [&](wasmtime_context_t*) -> nn::Session& { return session; });
Status AddWitxToLinker(wasmtime_linker_t* linker, SessionOf session_of,
                       WitxDialect dialect = WitxDialect::kAuto);

// The same for `wasi_nn_onnx`, our extension: what models are, tensors by name, state that stays on
// the host. For linkers that have WASI-NN, with the same session and dialect.
Status AddExtensionToLinker(wasmtime_linker_t* linker, SessionOf session_of,
                            WitxDialect dialect = WitxDialect::kAuto);

}  // namespace wnn::abi
