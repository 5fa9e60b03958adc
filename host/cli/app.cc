#include "host/cli/app.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "host/cli/logger.h"
#include "host/cli/options.h"
#include "host/cli/passes.h"
#include "host/cli/timings.h"
#include "host/nn/environment.h"
#include "host/runtimes/built.h"
#include "host/wasm/engine.h"
#include "host/wasm/module.h"
#include "host/wasm/run.h"

namespace wnn::cli {
namespace {

using Clock = std::chrono::steady_clock;
using RuntimePtr = std::shared_ptr<const runtimes::Runtime>;

void Print(std::FILE* stream, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stream);
  std::fflush(stream);
}

void PrintError(std::string_view message) {
  Print(stderr, "Error: " + std::string(message) + "\n");
}

Result<RuntimePtr> OpenRuntime(const Options& options, std::string_view name, Logger* log) {
  return runtimes::OpenRuntime(name, {.disabled_passes = options.disabled_passes,
                                      .onnxruntime_library = options.onnxruntime_library,
                                      .max_memory_bytes = options.nn_limits.max_memory_bytes,
                                      .log = log});
}

std::string VersionText(const Options& options) {
  NullLogger log;
  std::string text = "wasmtime-onnx " WNN_VERSION "\nWasmtime " + wasm::WasmtimeVersion() + "\n";
  for (const runtimes::KnownRuntime& known : runtimes::KnownRuntimes()) {
    text += "runtime " + std::string(known.name) + ": ";
    if (!known.is_built()) {
      text += "not built\n";
    } else if (auto runtime = OpenRuntime(options, known.name, &log)) {
      text += (*runtime)->description() + "\n";
    } else {
      text += "not found\n";
    }
  }
  return text;
}

// Null when the guest gets no WASI-NN.
Result<std::shared_ptr<nn::Environment>> MakeEnvironment(const Options& options, RuntimePtr runtime,
                                                         Logger* log) {
  if (!options.nn) return std::shared_ptr<nn::Environment>();
  nn::EnvironmentOptions environment_options;
  environment_options.runtime = std::move(runtime);
  environment_options.n_threads = options.n_threads;
  environment_options.limits = options.model_limits;
  environment_options.guest_model_runtimes = options.guest_model_runtimes;
  environment_options.allow_gpu = options.allow_gpu;
  environment_options.target = options.nn_target;
  environment_options.log = log;
  auto environment = std::make_shared<nn::Environment>(std::move(environment_options));
  for (const nn::NamedModel& model : options.models) {
    Status added = environment->AddNamedModel(model);
    if (!added.ok()) return std::move(added).WithContext("the model '" + model.name + "'");
  }
  return environment;
}

using Variables = std::vector<std::pair<std::string, std::string>>;

// Sets `name` anew or for the first time: a guest sees the first of two of the same name.
void SetVariable(std::string name, std::string value, Variables& variables) {
  const auto found = std::find_if(variables.begin(), variables.end(),
                                  [&](const auto& variable) { return variable.first == name; });
  if (found != variables.end()) {
    found->second = std::move(value);
  } else {
    variables.emplace_back(std::move(name), std::move(value));
  }
}

Variables OwnEnvironment() {
  Variables variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos || equals == 0) continue;
    SetVariable(std::string(text.substr(0, equals)), std::string(text.substr(equals + 1)),
                variables);
  }
  return variables;
}

Variables GuestEnvironment(const Options& options) {
  Variables variables;
  if (options.inherit_env) variables = OwnEnvironment();
  for (const EnvironmentVariable& variable : options.env) {
    const char* own = variable.value ? nullptr : std::getenv(variable.name.c_str());
    if (!variable.value && own == nullptr) continue;
    SetVariable(variable.name, variable.value ? *variable.value : own, variables);
  }
  return variables;
}

wasm::RunOptions MakeRunOptions(const Options& options) {
  wasm::RunOptions run;
  const std::string file_name = std::filesystem::path(options.module).filename().string();
  run.wasi.argv.push_back(options.argv0.value_or(file_name));
  run.wasi.argv.insert(run.wasi.argv.end(), options.arguments.begin(), options.arguments.end());
  run.wasi.env = GuestEnvironment(options);
  run.wasi.preopens = options.preopens;
  if (options.http.value_or(!options.http_hosts.empty())) run.http = options.http_hosts;
  run.limits = options.limits;
  run.nn_limits = options.nn_limits;
  run.fuel = options.fuel;
  run.timeout = options.timeout;
  run.function = options.invoke;
  run.function_arguments = options.arguments;
  return run;
}

int Finish(const wasm::Module& module, const wasm::RunResult& result) {
  for (const std::string& value : result.results) Print(stdout, value + "\n");
  if (result.end == wasm::RunResult::End::kTrapped) {
    std::string message =
        std::string(module.kind()) + " '" + module.name() + "' trapped: " + result.trap;
    if (result.timed_out) message += "\n\nIts time (-W timeout) was over.";
    PrintError(message);
  }
  return result.exit_code;
}

// Compiles and runs; fills `report` as far as it gets.
Result<int> RunModule(const Options& options, Logger* log, CallRecorder* recorder,
                      TimingsReport& report) {
  WNN_ASSIGN_OR_RETURN(RuntimePtr runtime, OpenRuntime(options, options.runtime, log));
  report.runtime = runtime->description();
  log->Log(LogLevel::kDebug, "inference by " + report.runtime + ", up to " +
                                 std::to_string(options.n_threads) + " threads");
  wasm::RunOptions run = MakeRunOptions(options);
  WNN_ASSIGN_OR_RETURN(run.nn, MakeEnvironment(options, std::move(runtime), log));
  run.witx_dialect = options.witx_dialect;
  run.nn_extension = options.nn_extension;
  run.observer = recorder;
  run.log = log;

  wasm::EngineOptions engine_options = options.engine;
  engine_options.log = log;
  const Clock::time_point start = Clock::now();
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<wasm::Engine> engine, wasm::Engine::Create(engine_options));
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<wasm::Module> module,
                       wasm::Module::Load(*engine, options.module,
                                          options.allow_precompiled ? wasm::Precompiled::kAllow
                                                                    : wasm::Precompiled::kRefuse));
  report.compile = Clock::now() - start;

  WNN_ASSIGN_OR_RETURN(wasm::RunResult result, wasm::Run(*engine, *module, run));
  report.instantiate = result.instantiate_time;
  report.run = result.run_time;
  return Finish(*module, result);
}

void PrintTimings(TimingsFormat format, const TimingsReport& report) {
  switch (format) {
    case TimingsFormat::kNone: return;
    case TimingsFormat::kTable: return Print(stderr, TimingsTable(report));
    case TimingsFormat::kJson: return Print(stderr, TimingsJson(report));
  }
}

int RunGuest(const Options& options) {
  const std::unique_ptr<Logger> log = MakeStderrLogger(options.log_level);
  CallRecorder recorder;
  TimingsReport report;
  report.module = options.module;
  report.runtime = options.runtime;
  report.n_threads = options.n_threads;
  const bool is_timed = options.timings != TimingsFormat::kNone;

  Result<int> exit_code = RunModule(options, log.get(), is_timed ? &recorder : nullptr, report);
  if (!exit_code) PrintError(exit_code.error().message());
  report.calls = recorder.records();
  report.totals = recorder.totals();
  PrintTimings(options.timings, report);
  return std::move(exit_code).value_or(kExitFailure);
}

// All of `bytes` or nothing: an interrupted write leaves no half of a file behind under its name.
Status WriteFile(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::filesystem::path partial = path;
  partial += ".partial";
  std::ofstream file(partial, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code error;
  if (file) std::filesystem::rename(partial, path, error);
  if (file && !error) return OkStatus();
  const std::string reason = error ? error.message() : std::strerror(errno);
  std::filesystem::remove(partial, error);
  return RuntimeError("cannot write '" + path.string() + "': " + reason);
}

Status CompileModule(const Options& options, Logger* log) {
  wasm::EngineOptions engine_options = options.engine;
  engine_options.log = log;
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<wasm::Engine> engine, wasm::Engine::Create(engine_options));
  WNN_ASSIGN_OR_RETURN(std::unique_ptr<wasm::Module> module,
                       wasm::Module::Load(*engine, options.module));
  WNN_ASSIGN_OR_RETURN(const std::vector<std::byte> code, module->Serialize());
  return WriteFile(options.output, code);
}

int Compile(const Options& options) {
  const std::unique_ptr<Logger> log = MakeStderrLogger(options.log_level);
  const Status status = CompileModule(options, log.get());
  if (status.ok()) return 0;
  PrintError(status.message());
  return kExitFailure;
}

}  // namespace

int RunApp(std::span<const std::string> words) {
  Result<Invocation> invocation = ParseCommandLine(words);
  if (!invocation) {
    PrintError(invocation.error().message());
    Print(stderr, "\nUsage: wasmtime-onnx [run] [OPTIONS] MODULE [ARGS]   (--help explains)\n");
    return kExitUsage;
  }
  // Parsing checked the name.
  static_cast<void>(UseInstructionSet(invocation->options.instruction_set));
  switch (invocation->action) {
    case Invocation::Action::kPrint: Print(stdout, invocation->text); return 0;
    case Invocation::Action::kVersion: Print(stdout, VersionText(invocation->options)); return 0;
    case Invocation::Action::kRun: return RunGuest(invocation->options);
    case Invocation::Action::kCompile: return Compile(invocation->options);
  }
  return kExitFailure;
}

}  // namespace wnn::cli
