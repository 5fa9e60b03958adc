#include "host/wasm/run.h"

#include <utility>

#include "host/wasm/deadline.h"
#include "host/wasm/guest.h"

namespace wnn::wasm {
namespace {

using Clock = std::chrono::steady_clock;

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
  const std::unique_ptr<Guest> guest = module.is_component()
                                           ? MakeComponentGuest(engine, module, options)
                                           : MakeCoreGuest(engine, module, options);
  RunResult result;
  WNN_RETURN_IF_ERROR(RunGuest(*guest, deadline, result));
  result.timed_out =
      result.end == RunResult::End::kTrapped && deadline && Clock::now() >= *deadline;
  return result;
}

}  // namespace wnn::wasm
