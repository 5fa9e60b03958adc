// What run.cc asks of a program, be it a core module or a component.
#pragma once

#include <wasmtime.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>
#include <wasmtime.hh>

#include "engine/base/status.h"
#include "host/nn/session.h"
#include "host/wasm/engine.h"
#include "host/wasm/module.h"
#include "host/wasm/run.h"

namespace wnn::wasm {

// The guest ended itself.
struct Exited {
  int code;
};
struct Trapped {
  std::string message;
};
// How WebAssembly code that was entered ended; nothing more to say when it returned.
using CallEnd = std::variant<std::monostate, Exited, Trapped>;

// One guest: a store, what it imports and, once instantiated, its instance. Used in the order of
// its functions, the next only if the last returned. Lifetime: borrows engine, module and options.
class Guest {
 public:
  virtual ~Guest() = default;

  // Limits, WASI, WASI-NN. `deadline` ends computes.
  virtual Status Prepare(std::optional<std::chrono::steady_clock::time_point> deadline) = 0;
  virtual Result<CallEnd> Instantiate() = 0;
  // Runs what must run before a function is called.
  virtual Result<CallEnd> Initialize() = 0;
  // Calls what the options say; its results go to `results`.
  virtual Result<CallEnd> Call(std::vector<std::string>& results) = 0;
};

// REQUIRES: !module.is_component()
std::unique_ptr<Guest> MakeCoreGuest(Engine& engine, const Module& module,
                                     const RunOptions& options);
// REQUIRES: module.is_component()
std::unique_ptr<Guest> MakeComponentGuest(Engine& engine, const Module& module,
                                          const RunOptions& options);

// --- what both kinds do alike --------------------------------------------------------------------

// Takes over an error of Wasmtime's; OK for null.
Status ToStatus(wasmtime_error_t* error);
// As `error.message()`, without line feeds at its end.
std::string MessageOf(const wasmtime::Error& error);
std::string Join(const std::vector<std::string>& names);

// Whether WebAssembly code was running when the error came up, as with traps.
bool CameFromWebAssembly(const wasmtime_error_t* error);

// Gives the store the options' limits, fuel and WASI, and the deadline, at which its code traps once
// the engine's epoch ticks. REQUIRES: `deadline` is set exactly if options.timeout is.
Status PrepareStore(const RunOptions& options,
                    std::optional<std::chrono::steady_clock::time_point> deadline,
                    wasmtime::Store& store);
// REQUIRES: options.nn is not null
std::unique_ptr<nn::Session> MakeSession(
    const RunOptions& options, std::optional<std::chrono::steady_clock::time_point> deadline);

// kNotFound: the functions that there are instead of `options.function`.
Status NoSuchFunction(const Module& module, const std::string& function);
// Says in the log that `module` has no `what`, so that nothing was run.
void WarnOfNothingToRun(const Module& module, const RunOptions& options, const std::string& what);

}  // namespace wnn::wasm
