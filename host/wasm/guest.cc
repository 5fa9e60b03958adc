#include "host/wasm/guest.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace wnn::wasm {
namespace {

int64_t ToLimit(std::optional<uint64_t> limit) {
  constexpr int64_t kNoLimit = -1;
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  return limit ? static_cast<int64_t>(std::min(*limit, kMax)) : kNoLimit;
}

using Clock = std::chrono::steady_clock;

// At each tick of the engine's epoch, which may be meant for another store.
wasmtime_error_t* OnTick(wasmtime_context_t*, void* deadline, uint64_t* ticks_until_next,
                         wasmtime_update_deadline_kind_t* kind) {
  if (Clock::now() >= *static_cast<const Clock::time_point*>(deadline)) {
    return wasmtime_error_new("wasm trap: interrupt");
  }
  *ticks_until_next = 1;
  *kind = WASMTIME_UPDATE_DEADLINE_CONTINUE;
  return nullptr;
}

void SetDeadline(Clock::time_point deadline, wasmtime::Store& store) {
  wasmtime_store_epoch_deadline_callback(
      store.capi(), OnTick, new Clock::time_point(deadline),
      [](void* data) { delete static_cast<Clock::time_point*>(data); });
  wasmtime_context_set_epoch_deadline(store.context().capi(), 1);
}

}  // namespace

bool CameFromWebAssembly(const wasmtime_error_t* error) {
  wasm_frame_vec_t trace;
  wasmtime_error_wasm_trace(error, &trace);
  const bool has_frames = trace.size > 0;
  wasm_frame_vec_delete(&trace);
  return has_frames;
}

std::string MessageOf(const wasmtime::Error& error) {
  std::string message = error.message();
  message.erase(message.find_last_not_of('\n') + 1);
  return message;
}

Status ToStatus(wasmtime_error_t* error) {
  if (error == nullptr) return OkStatus();
  return RuntimeError(MessageOf(wasmtime::Error(error)));
}

std::string Join(const std::vector<std::string>& names) {
  std::string joined;
  for (const std::string& name : names) joined += (joined.empty() ? "" : ", ") + name;
  return joined;
}

Status PrepareStore(const RunOptions& options, std::optional<Clock::time_point> deadline,
                    wasmtime::Store& store) {
  const StoreLimits& limits = options.limits;
  wasmtime_store_limiter(store.capi(), ToLimit(limits.max_memory_bytes),
                         ToLimit(limits.max_table_elements), ToLimit(limits.max_instances),
                         ToLimit(limits.max_tables), ToLimit(limits.max_memories));
  wasmtime_context_t* context = store.context().capi();
  if (options.fuel)
    WNN_RETURN_IF_ERROR(ToStatus(wasmtime_context_set_fuel(context, *options.fuel)));
  if (deadline) SetDeadline(*deadline, store);
  WNN_ASSIGN_OR_RETURN(wasmtime::WasiConfig wasi, MakeWasiConfig(options.wasi));
  return ToStatus(wasmtime_context_set_wasi(context, wasi.capi_release()));
}

std::unique_ptr<nn::Session> MakeSession(
    const RunOptions& options, std::optional<std::chrono::steady_clock::time_point> deadline) {
  nn::SessionOptions session;
  session.limits = options.nn_limits;
  session.stop.deadline = deadline;
  session.observer = options.observer;
  return std::make_unique<nn::Session>(options.nn, std::move(session));
}

Status NoSuchFunction(const Module& module, const std::string& function) {
  const std::vector<std::string> names = module.ExportedFunctions();
  return NotFound(std::string(module.kind()) + " '" + module.name() + "' exports no function '" +
                  function + "'; it exports " +
                  (names.empty() ? "no function at all" : "these: " + Join(names)));
}

void WarnOfNothingToRun(const Module& module, const RunOptions& options, const std::string& what) {
  if (options.log == nullptr) return;
  options.log->Log(
      LogLevel::kWarn,
      std::string(module.kind()) + " '" + module.name() + "' has no " + what +
          ", so nothing was run; its functions are: " + Join(module.ExportedFunctions()));
}

}  // namespace wnn::wasm
