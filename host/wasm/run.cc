#include "host/wasm/run.h"

#include <algorithm>
#include <limits>
#include <span>
#include <string_view>
#include <utility>
#include <variant>

#include "host/abi/witx/witx.h"
#include "host/nn/session.h"
#include "host/wasm/deadline.h"
#include "host/wasm/value.h"

namespace wnn::wasm {
namespace {

using Clock = std::chrono::steady_clock;

// The guest called proc_exit.
struct Exited {
  int code;
};
struct Trapped {
  std::string message;
};
// How WebAssembly code that was entered ended; nothing more to say when it returned.
using CallEnd = std::variant<std::monostate, Exited, Trapped>;

// Wasmtime ends some of its messages with line feeds.
std::string Trimmed(std::string message) {
  message.erase(message.find_last_not_of('\n') + 1);
  return message;
}

// Takes over what Wasmtime's calls leave behind. A Status is an error that is no trap: the host's.
Result<CallEnd> TakeEnd(wasmtime_error_t* raw_error, wasm_trap_t* raw_trap) {
  if (raw_trap != nullptr) return CallEnd(Trapped{Trimmed(wasmtime::Trap(raw_trap).message())});
  if (raw_error == nullptr) return CallEnd();
  wasmtime::Error error(raw_error);
  if (std::optional<int32_t> code = error.i32_exit()) return CallEnd(Exited{*code});
  return RuntimeError(Trimmed(error.message()));
}

Status ToStatus(wasmtime_error_t* error) {
  if (error == nullptr) return OkStatus();
  return RuntimeError(Trimmed(wasmtime::Error(error).message()));
}

int64_t ToLimit(std::optional<uint64_t> limit) {
  constexpr int64_t kNoLimit = -1;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  return limit ? static_cast<int64_t>(std::min(*limit, kMax)) : kNoLimit;
}

std::string Name(const wasm_name_t* name) { return std::string(name->data, name->size); }

std::string Join(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

// One guest: a store, what it imports and, once instantiated, its instance.
class Guest {
 public:
  Guest(Engine& engine, const Module& module, const RunOptions& options)
      : module_(module),
        options_(options),
        store_(engine.get()),
        context_(store_.context().capi()),
        linker_(engine.get()) {}
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  // Limits, WASI, WASI-NN. `deadline` ends computes.
  Status Prepare(std::optional<Clock::time_point> deadline);
  Result<CallEnd> Instantiate();
  // Calls `_initialize`, if there is one.
  Result<CallEnd> Initialize();
  // Calls what the options say; its results go to `results`.
  Result<CallEnd> Call(std::vector<std::string>& results);

 private:
  Status SetLimits();
  Status AddNn(std::optional<Clock::time_point> deadline);
  Status CheckImports() const;
  std::optional<wasmtime_func_t> FindFunction(std::string_view name);
  Result<std::optional<wasmtime_func_t>> ChooseFunction();
  void WarnOfNothingToRun();
  Result<CallEnd> CallFunction(const wasmtime_func_t& function,
                               std::span<const wasmtime_val_t> arguments,
                               std::span<wasmtime_val_t> results);

  const Module& module_;
  const RunOptions& options_;
  std::unique_ptr<nn::Session> session_;  // outlives the linker, whose functions use it
  wasmtime::Store store_;
  wasmtime_context_t* context_;
  wasmtime::Linker linker_;
  wasmtime_instance_t instance_{};
};

Status Guest::SetLimits() {
  const StoreLimits& limits = options_.limits;
  wasmtime_store_limiter(store_.capi(), ToLimit(limits.max_memory_bytes),
                         ToLimit(limits.max_table_elements), ToLimit(limits.max_instances),
                         ToLimit(limits.max_tables), ToLimit(limits.max_memories));
  if (options_.fuel)
    WNN_RETURN_IF_ERROR(ToStatus(wasmtime_context_set_fuel(context_, *options_.fuel)));
  if (options_.timeout) wasmtime_context_set_epoch_deadline(context_, 1);
  return OkStatus();
}

Status Guest::AddNn(std::optional<Clock::time_point> deadline) {
  nn::SessionOptions session;
  session.stop.deadline = deadline;
  session.observer = options_.observer;
  session_ = std::make_unique<nn::Session>(options_.nn, std::move(session));
  return abi::AddWitxToLinker(
      linker_.capi(),
      [session = session_.get()](wasmtime_context_t*) -> nn::Session& { return *session; });
}

Status Guest::Prepare(std::optional<Clock::time_point> deadline) {
  WNN_RETURN_IF_ERROR(SetLimits());
  WNN_ASSIGN_OR_RETURN(wasmtime::WasiConfig wasi, MakeWasiConfig(options_.wasi));
  WNN_RETURN_IF_ERROR(ToStatus(wasmtime_context_set_wasi(context_, wasi.capi_release())));
  WNN_RETURN_IF_ERROR(ToStatus(wasmtime_linker_define_wasi(linker_.capi())));
  if (options_.nn != nullptr) WNN_RETURN_IF_ERROR(AddNn(deadline));
  return CheckImports();
}

Status Guest::CheckImports() const {
  wasm_importtype_vec_t imports;
  wasmtime_module_imports(module_.get().capi(), &imports);
  std::vector<std::string> missing;
  bool wants_nn = false;
  for (const wasm_importtype_t* item : std::span(imports.data, imports.size)) {
    const wasm_name_t* space = wasm_importtype_module(item);
    const wasm_name_t* name = wasm_importtype_name(item);
    wasmtime_extern_t found;
    if (wasmtime_linker_get(linker_.capi(), context_, space->data, space->size, name->data,
                            name->size, &found)) {
      wasmtime_extern_delete(&found);
      continue;
    }
    missing.push_back(Name(space) + "::" + Name(name));
    wants_nn = wants_nn || Name(space) == "wasi_ephemeral_nn";
  }
  wasm_importtype_vec_delete(&imports);
  if (missing.empty()) return OkStatus();
  std::string message = "module '" + module_.name() +
                        "' imports what this host does not have: " + Join(missing) +
                        "\nIt has wasi_snapshot_preview1";
  message += options_.nn != nullptr ? " and wasi_ephemeral_nn." : ".";
  if (wants_nn && options_.nn == nullptr) message += " WASI-NN is switched off.";
  return NotFound(std::move(message));
}

Result<CallEnd> Guest::Instantiate() {
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = wasmtime_linker_instantiate(linker_.capi(), context_,
                                                        module_.get().capi(), &instance_, &trap);
  Result<CallEnd> end = TakeEnd(error, trap);
  if (!end) return std::move(end.error()).WithContext("instantiating '" + module_.name() + "'");
  return end;
}

std::optional<wasmtime_func_t> Guest::FindFunction(std::string_view name) {
  wasmtime_extern_t item;
  if (!wasmtime_instance_export_get(context_, &instance_, name.data(), name.size(), &item)) {
    return std::nullopt;
  }
  std::optional<wasmtime_func_t> function;
  if (item.kind == WASMTIME_EXTERN_FUNC) function = item.of.func;
  wasmtime_extern_delete(&item);
  return function;
}

// Nothing when the module has no function that is run by default.
Result<std::optional<wasmtime_func_t>> Guest::ChooseFunction() {
  if (!options_.function) {
    std::optional<wasmtime_func_t> function = FindFunction("");
    return function ? function : FindFunction("_start");
  }
  std::optional<wasmtime_func_t> function = FindFunction(*options_.function);
  if (function) return function;
  const std::vector<std::string> names = module_.ExportedFunctions();
  return NotFound("module '" + module_.name() + "' exports no function '" + *options_.function +
                  "'; it exports " +
                  (names.empty() ? "no function at all" : "these: " + Join(names)));
}

Result<CallEnd> Guest::CallFunction(const wasmtime_func_t& function,
                                    std::span<const wasmtime_val_t> arguments,
                                    std::span<wasmtime_val_t> results) {
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error =
      wasmtime_func_call(context_, &function, arguments.data(), arguments.size(), results.data(),
                         results.size(), &trap);
  return TakeEnd(error, trap);
}

Result<CallEnd> Guest::Initialize() {
  std::optional<wasmtime_func_t> function = FindFunction("_initialize");
  if (!function) return CallEnd();
  return CallFunction(*function, {}, {});
}

void Guest::WarnOfNothingToRun() {
  if (options_.log == nullptr || FindFunction("_initialize")) return;
  options_.log->Log(LogLevel::kWarn,
                    "module '" + module_.name() +
                        "' has no _start, so nothing was run; its functions are: " +
                        Join(module_.ExportedFunctions()));
}

Result<CallEnd> Guest::Call(std::vector<std::string>& results) {
  WNN_ASSIGN_OR_RETURN(std::optional<wasmtime_func_t> function, ChooseFunction());
  if (!function) {
    WarnOfNothingToRun();
    return CallEnd();
  }
  const std::unique_ptr<wasm_functype_t, decltype(&wasm_functype_delete)> type(
      wasmtime_func_type(context_, &*function), wasm_functype_delete);
  Result<std::vector<wasmtime_val_t>> arguments =
      ParseArguments(type.get(), options_.function_arguments);
  if (!arguments) {
    return std::move(arguments.error())
        .WithContext("calling '" + options_.function.value_or("_start") + "'");
  }
  std::vector<wasmtime_val_t> values(wasm_functype_results(type.get())->size);
  WNN_ASSIGN_OR_RETURN(CallEnd end, CallFunction(*function, *arguments, values));
  if (!std::holds_alternative<std::monostate>(end)) return end;
  for (wasmtime_val_t& value : values) {
    if (options_.function) results.push_back(FormatValue(value));
    wasmtime_val_unroot(&value);
  }
  return end;
}

// What `end` means for the result; true when the guest returned and may go on.
bool Record(CallEnd end, RunResult& result) {
  if (const auto* exited = std::get_if<Exited>(&end)) {
    result.end = RunResult::End::kExited;
    result.exit_code = exited->code;
    return false;
  }
  if (auto* trapped = std::get_if<Trapped>(&end)) {
    result.end = RunResult::End::kTrapped;
    result.exit_code = kTrapExitCode;
    result.trap = std::move(trapped->message);
    return false;
  }
  return true;
}

Status CheckOptions(const Engine& engine, const RunOptions& options) {
  if (options.fuel.has_value() != engine.meters_fuel()) {
    return InvalidArgument("fuel is given exactly to guests of an engine that meters it");
  }
  if (options.timeout.has_value() != engine.interruptible()) {
    return InvalidArgument("a timeout is given exactly to guests of an interruptible engine");
  }
  return OkStatus();
}

// Now and `timeout`, or the last time that the clock knows.
Clock::time_point After(std::chrono::nanoseconds timeout) {
  const Clock::time_point now = Clock::now();
  return timeout > Clock::time_point::max() - now ? Clock::time_point::max() : now + timeout;
}

Status RunGuest(Guest& guest, std::optional<Clock::time_point> deadline, RunResult& result) {
  const Clock::time_point start = Clock::now();
  WNN_RETURN_IF_ERROR(guest.Prepare(deadline));
  WNN_ASSIGN_OR_RETURN(CallEnd instantiated, guest.Instantiate());
  const Clock::time_point ready = Clock::now();
  result.instantiate_time = ready - start;
  if (!Record(std::move(instantiated), result)) return OkStatus();

  WNN_ASSIGN_OR_RETURN(CallEnd initialized, guest.Initialize());
  if (Record(std::move(initialized), result)) {
    WNN_ASSIGN_OR_RETURN(CallEnd called, guest.Call(result.results));
    Record(std::move(called), result);
  }
  result.run_time = Clock::now() - ready;
  return OkStatus();
}

}  // namespace

Result<RunResult> Run(Engine& engine, const Module& module, const RunOptions& options) {
  WNN_RETURN_IF_ERROR(CheckOptions(engine, options));
  std::optional<Clock::time_point> deadline;
  std::unique_ptr<Deadline> interrupt;
  if (options.timeout) {
    deadline = After(*options.timeout);
    WNN_ASSIGN_OR_RETURN(interrupt, Deadline::Start(engine, *deadline));
  }
  Guest guest(engine, module, options);
  RunResult result;
  WNN_RETURN_IF_ERROR(RunGuest(guest, deadline, result));
  result.timed_out =
      result.end == RunResult::End::kTrapped && deadline && Clock::now() >= *deadline;
  return result;
}

}  // namespace wnn::wasm
