#include "host/runtimes/onnxruntime/onnxruntime.h"

#include <utility>

#include "host/runtimes/onnxruntime/graph.h"
#include "host/runtimes/onnxruntime/library.h"
#include "host/runtimes/onnxruntime/ort.h"

namespace wnn::runtimes {
namespace {

LogLevel FromOrtLevel(OrtLoggingLevel level) {
  switch (level) {
    case ORT_LOGGING_LEVEL_VERBOSE: return LogLevel::kTrace;
    case ORT_LOGGING_LEVEL_INFO: return LogLevel::kDebug;
    case ORT_LOGGING_LEVEL_WARNING: return LogLevel::kInfo;
    case ORT_LOGGING_LEVEL_ERROR:
    case ORT_LOGGING_LEVEL_FATAL: return LogLevel::kDebug;  // comes back as a status, too
  }
  return LogLevel::kInfo;
}

void ORT_API_CALL ForwardLog(void* logger, OrtLoggingLevel level, const char* /*category*/,
                             const char* /*log_id*/, const char* /*location*/,
                             const char* message) {
  if (logger == nullptr) return;
  static_cast<Logger*>(logger)->Log(FromOrtLevel(level), std::string("ONNX Runtime: ") + message);
}

// What to ask ONNX Runtime for, given what the logger takes.
OrtLoggingLevel OrtLevelFor(const Logger* log) {
  if (log == nullptr) return ORT_LOGGING_LEVEL_FATAL;
  if (log->Enabled(LogLevel::kTrace)) return ORT_LOGGING_LEVEL_VERBOSE;
  if (log->Enabled(LogLevel::kDebug)) return ORT_LOGGING_LEVEL_INFO;
  if (log->Enabled(LogLevel::kInfo)) return ORT_LOGGING_LEVEL_WARNING;
  return ORT_LOGGING_LEVEL_FATAL;
}

// One arena for all sessions of the environment.
Status LimitMemory(const OrtApi* api, OrtEnv* env, uint64_t max_bytes) {
  constexpr int kDefault = -1;
  WNN_ASSIGN_OR_RETURN(OrtMemoryInfoHandle cpu, OrtMake<OrtMemoryInfoHandle>(api, [&](auto** out) {
                         return api->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, out);
                       }));
  WNN_ASSIGN_OR_RETURN(OrtArenaCfgHandle arena, OrtMake<OrtArenaCfgHandle>(api, [&](auto** out) {
                         return api->CreateArenaCfg(static_cast<size_t>(max_bytes), kDefault,
                                                    kDefault, kDefault, out);
                       }));
  return FromOrtStatus(api, api->CreateAndRegisterAllocator(env, cpu.get(), arena.get()));
}

class OnnxRuntime final : public Runtime {
 public:
  OnnxRuntime(OnnxRuntimeLibrary library, std::shared_ptr<const OrtEnvHandle> env)
      : library_(std::move(library)), env_(std::move(env)) {}

  std::string_view name() const override { return "onnxruntime"; }
  std::string description() const override {
    return "ONNX Runtime " + library_.version + " (" + library_.path + ")";
  }
  Result<std::shared_ptr<const Graph>> Load(std::span<const std::byte> bytes,
                                            const LoadOptions& options) const override {
    if (options.target == Target::kTpu) {
      return Unsupported("this host uses ONNX Runtime on the CPU and the GPU, not on a TPU");
    }
    return OnnxRuntimeGraph::Load(library_, env_, bytes, options);
  }

 private:
  OnnxRuntimeLibrary library_;
  std::shared_ptr<const OrtEnvHandle> env_;
};

}  // namespace

Result<std::shared_ptr<const Runtime>> OpenOnnxRuntime(const OnnxRuntimeOptions& options) {
  WNN_ASSIGN_OR_RETURN(OnnxRuntimeLibrary library, OpenOnnxRuntimeLibrary(options.library_path));
  const OrtApi* api = library.api;
  WNN_ASSIGN_OR_RETURN(OrtEnvHandle env, OrtMake<OrtEnvHandle>(api, [&](auto** out) {
                         return api->CreateEnvWithCustomLogger(ForwardLog, options.log,
                                                               OrtLevelFor(options.log),
                                                               "wasi-nn-onnx", out);
                       }));
  WNN_RETURN_IF_ERROR(LimitMemory(api, env.get(), options.max_memory_bytes));
  return std::shared_ptr<const Runtime>(std::make_shared<OnnxRuntime>(
      std::move(library), std::make_shared<const OrtEnvHandle>(std::move(env))));
}

}  // namespace wnn::runtimes
