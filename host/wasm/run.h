// Runs a module as a program: WASI and, if wanted, WASI-NN for its imports, then its `_start` or a
// function by name.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "host/abi/witx/dialect.h"
#include "host/nn/environment.h"
#include "host/nn/session.h"
#include "host/nn/timings.h"
#include "host/wasm/engine.h"
#include "host/wasm/http.h"
#include "host/wasm/module.h"
#include "host/wasm/wasi.h"

namespace wnn::wasm {

// What one guest may hold; nothing means Wasmtime's default. A shared memory is limited by the
// maximum in its type alone.
struct StoreLimits {
  std::optional<uint64_t> max_memory_bytes;  // of each linear memory
  std::optional<uint64_t> max_table_elements;
  std::optional<uint64_t> max_instances;
  std::optional<uint64_t> max_tables;
  std::optional<uint64_t> max_memories;
};

struct RunOptions {
  WasiOptions wasi;
  StoreLimits limits;
  std::optional<uint64_t> fuel;  // REQUIRES: the engine meters fuel exactly if this is set
  // Outbound HTTP for components, to these hosts; nothing: components do not even get the
  // interface.
  std::optional<std::vector<HttpRule>> http;
  // From instantiation on. Ends WebAssembly code and WASI-NN's computes, not a WASI call that
  // blocks, and bounds the steps of an HTTP request. REQUIRES: the engine is interruptible exactly
  // if this is set.
  std::optional<std::chrono::nanoseconds> timeout;
  // The function to call. Nothing: the export "" or else "_start", if there is one.
  std::optional<std::string> function;
  std::vector<std::string> function_arguments;  // as ParseArguments takes them
  std::shared_ptr<nn::Environment> nn;          // null: no WASI-NN
  bool nn_extension = true;  // wasi_nn_onnx and wasi-nn-onnx:extension beside WASI-NN
  nn::SessionLimits nn_limits;
  abi::WitxDialect witx_dialect = abi::WitxDialect::kAuto;
  nn::CallObserver* observer = nullptr;  // null: nobody listens
  Logger* log = nullptr;                 // null drops messages
};

// How a guest ended.
struct RunResult {
  enum class End { kReturned, kExited, kTrapped };
  End end = End::kReturned;
  // What a process that ran the guest exits with: 0, what the guest passed to proc_exit, or
  // kTrapExitCode.
  int exit_code = 0;
  std::string trap;                  // kTrapped: cause and WebAssembly backtrace
  bool timed_out = false;            // kTrapped: after the timeout had passed
  std::vector<std::string> results;  // kReturned: of RunOptions::function, as FormatValue
  std::chrono::nanoseconds instantiate_time{};  // imports, WASI and memories included
  std::chrono::nanoseconds run_time{};
};

// As a shell reports SIGABRT, which is how Wasmtime's own command ends after a trap.
inline constexpr int kTrapExitCode = 134;

// Instantiates `module`, calls `_initialize` if it is a reactor, then the function. Errors are what
// kept the guest from running or ended it from outside: kNotFound for imports that this host does
// not have, for a directory or function that is not there; kInvalidArgument for arguments that do
// not fit; kRuntimeError for the rest, a module that is over a limit from the start among it.
Result<RunResult> Run(Engine& engine, const Module& module, const RunOptions& options);

}  // namespace wnn::wasm
