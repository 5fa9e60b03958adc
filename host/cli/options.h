// What the command line asks for.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/log.h"
#include "engine/base/status.h"
#include "host/abi/witx/dialect.h"
#include "host/cli/values.h"
#include "host/wasm/engine.h"
#include "host/wasm/run.h"

namespace wnn::cli {

enum class TimingsFormat { kNone, kTable, kJson };

// More threads than this are not started unless asked for by --threads: one image's layers are too
// small to feed them.
inline constexpr int kMaxDefaultThreads = 16;
inline constexpr int kMaxThreads = 1024;

struct Options {
  std::string module;
  bool allow_precompiled = false;
  std::string output;                  // of `compile`: where the code goes
  std::vector<std::string> arguments;  // the guest's, its name not among them
  std::optional<std::string> argv0;    // the guest's name; nothing: MODULE's last part
  std::optional<std::string> invoke;

  std::vector<EnvironmentVariable> env;  // later ones win
  bool inherit_env = false;
  std::vector<wasm::Preopen> preopens;
  std::optional<bool> http;  // nothing: if a host is allowed
  std::vector<wasm::HttpRule> http_hosts;

  wasm::EngineOptions engine;
  wasm::StoreLimits limits;
  std::optional<uint64_t> fuel;
  std::optional<std::chrono::nanoseconds> timeout;

  bool nn = true;
  bool nn_extension = true;
  std::string runtime;              // one of runtimes::KnownRuntimes() that is built
  std::string onnxruntime_library;  // empty: looked for
  int n_threads = 1;
  std::vector<nn::NamedModel> models;
  Limits model_limits;
  nn::SessionLimits nn_limits;
  std::optional<std::vector<std::string>> guest_model_runtimes;
  bool allow_gpu = true;
  std::optional<nn::NamedTarget> nn_target;  // nothing: as guests ask
  std::vector<std::string> disabled_passes;  // of the built-in engine's optimiser
  std::string instruction_set;               // of the built-in engine's kernels; empty: the best
  abi::WitxDialect witx_dialect = abi::WitxDialect::kAuto;

  TimingsFormat timings = TimingsFormat::kNone;
  LogLevel log_level = LogLevel::kWarn;
};

struct Invocation {
  enum class Action {
    kRun,
    kCompile,
    kPrint,    // `text`, then exit
    kVersion,  // of us and what we use
  };
  Action action = Action::kRun;
  std::string text;
  Options options;
};

// Understands a command line, the program's own name not among `words`. kInvalidArgument and
// kUnsupportedOperation say which word is wrong and what to write instead.
Result<Invocation> ParseCommandLine(std::span<const std::string> words);

// Cores that this process may use, at most kMaxDefaultThreads.
int DefaultThreads();

}  // namespace wnn::cli
