// What all guests of a process share: runtimes, models by name, limits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"

namespace wnn::nn {

// WASI-NN's graph encodings. Only kOnnx, and kAutodetect on ONNX bytes, can be loaded here.
enum class Encoding {
  kOpenvino,
  kOnnx,
  kTensorflow,
  kPytorch,
  kTensorflowLite,
  kGgml,
  kAutodetect,
};

struct EnvironmentOptions {
  // REQUIRES: not null. Serves every load.
  std::shared_ptr<const runtimes::Runtime> runtime;
  Limits limits;      // of one model
  int n_threads = 1;  // of one compute
  bool allow_gpu = true;
  Logger* log = nullptr;  // null drops messages. Lifetime: outlives the environment.
};

// Thread-safe.
class Environment {
 public:
  explicit Environment(EnvironmentOptions options);

  // Makes `directory`/model.onnx loadable under `name`; opened at the first LoadByName, then shared
  // by all sessions. kNotFound if there is no such file, kInvalidArgument if the name is taken.
  Status AddNamedModel(std::string name, std::filesystem::path directory);

  // Loads a guest's bytes, borrowed for the call.
  Result<std::shared_ptr<const runtimes::Graph>> Load(std::span<const std::byte> bytes,
                                                      Encoding encoding,
                                                      runtimes::Target target) const;
  // kNotFound for a name that nobody added.
  Result<std::shared_ptr<const runtimes::Graph>> LoadByName(std::string_view name);

  const EnvironmentOptions& options() const { return options_; }
  Logger& log() const { return *options_.log; }

 private:
  struct NamedModel {
    std::filesystem::path directory;
    Mutex mutex;  // held while loading, so that a model is loaded once
    std::shared_ptr<const runtimes::Graph> graph WNN_GUARDED_BY(mutex);  // null until the first use
  };

  Result<std::shared_ptr<const runtimes::Graph>> LoadInto(
      std::span<const std::byte> bytes, runtimes::Target target,
      std::optional<std::filesystem::path> model_dir) const;

  EnvironmentOptions options_;
  Mutex mutex_;  // guards the map, not the models
  std::unordered_map<std::string, std::shared_ptr<NamedModel>> named_models_ WNN_GUARDED_BY(mutex_);
};

}  // namespace wnn::nn
