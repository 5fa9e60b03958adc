// What all guests of a process share: runtimes, models by name, limits.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
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

// Where a model computes, as the host says it.
enum class NamedTarget {
  kCpu,
  kGpu,
  kAuto,  // the GPU if the runtime has one for it, else the CPU, said in the log
};

// A model that guests load by name. Guests never see the path, and their names are never paths.
struct NamedModel {
  std::string name;
  std::filesystem::path path;  // of the model's file, or of a directory with a model.onnx
  NamedTarget target = NamedTarget::kCpu;
};

struct EnvironmentOptions {
  // REQUIRES: not null. Serves every load.
  std::shared_ptr<const runtimes::Runtime> runtime;
  // The names of the runtimes that may see models which guests give as bytes: a runtime reads them
  // in this process. Nothing: any may. Models by name are the host's, and go to all.
  std::optional<std::vector<std::string>> guest_model_runtimes = std::nullopt;
  Limits limits = {};  // of one model
  int n_threads = 1;   // of one compute
  bool allow_gpu = true;
  // Where guests' models compute, whether they ask for the CPU or the GPU; nothing: where they ask.
  // Models by name have their own.
  std::optional<NamedTarget> target = std::nullopt;
  Logger* log = nullptr;  // null drops messages. Lifetime: outlives the environment.
};

// What one load may cost.
struct LoadBounds {
  StopCondition stop;  // ends the load, as soon as the runtime can
  uint64_t max_memory_bytes = std::numeric_limits<uint64_t>::max();  // if less than the limits'
};

// Thread-safe.
class Environment {
 public:
  explicit Environment(EnvironmentOptions options);

  // Makes a model loadable by its name. It is read at the first LoadByName and loaded once, for as
  // long as the environment lives, for all sessions; the file's bytes are freed after loading. Its
  // external data, if any, must lie beneath its directory, as ModelDirectory has it. kNotFound if
  // there is no such file, kInvalidArgument if the name is taken.
  Status AddNamedModel(NamedModel model);

  // What can be said against a load before its bytes are looked at.
  Status CheckLoad(uint64_t model_bytes, Encoding encoding, runtimes::Target target) const;
  // Loads a guest's bytes, borrowed for the call. `stop` ends the load, as soon as the runtime can.
  Result<std::shared_ptr<const runtimes::Graph>> Load(std::span<const std::byte> bytes,
                                                      Encoding encoding, runtimes::Target target,
                                                      const LoadBounds& bounds = {}) const;
  // kNotFound for a name that nobody added.
  Result<std::shared_ptr<const runtimes::Graph>> LoadByName(std::string_view name);

  const EnvironmentOptions& options() const { return options_; }
  Logger& log() const { return *options_.log; }

 private:
  struct Entry {
    explicit Entry(NamedModel m) : model(std::move(m)) {}
    const NamedModel model;  // its path leads to the file
    Mutex mutex;             // held while loading, so that a model is loaded once
    std::shared_ptr<const runtimes::Graph> graph WNN_GUARDED_BY(mutex);  // null until the first use
  };

  Status CheckTarget(runtimes::Target target) const;
  Status CheckGuestModels() const;
  NamedTarget TargetOf(runtimes::Target asked) const;
  // As LoadInto, where the target may be auto. `what`: the model, for the log.
  Result<std::shared_ptr<const runtimes::Graph>> LoadFor(NamedTarget target,
                                                         std::span<const std::byte> bytes,
                                                         ExternalData* external,
                                                         const LoadBounds& bounds,
                                                         std::string_view what) const;
  Result<std::shared_ptr<const runtimes::Graph>> LoadFile(const NamedModel& model) const;
  // `external`: null for a guest's bytes.
  Result<std::shared_ptr<const runtimes::Graph>> LoadInto(std::span<const std::byte> bytes,
                                                          runtimes::Target target,
                                                          ExternalData* external,
                                                          const LoadBounds& bounds) const;

  EnvironmentOptions options_;
  Mutex mutex_;  // guards the map, not the models
  std::unordered_map<std::string, std::shared_ptr<Entry>> named_models_ WNN_GUARDED_BY(mutex_);
};

}  // namespace wnn::nn
