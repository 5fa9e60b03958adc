#include "host/nn/environment.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include "engine/base/aligned_buffer.h"
#include "host/nn/model_directory.h"
#include "host/nn/model_metadata.h"
#include "host/nn/model_scan.h"

namespace wnn::nn {
namespace {

constexpr const char* kModelFile = "model.onnx";

std::string_view EncodingName(Encoding encoding) {
  switch (encoding) {
    case Encoding::kOpenvino: return "openvino";
    case Encoding::kOnnx: return "onnx";
    case Encoding::kTensorflow: return "tensorflow";
    case Encoding::kPytorch: return "pytorch";
    case Encoding::kTensorflowLite: return "tensorflowlite";
    case Encoding::kGgml: return "ggml";
    case Encoding::kAutodetect: return "autodetect";
  }
  return "unknown";
}

// Reads rather than maps: a file that is cut short while it is mapped kills the process.
Result<AlignedBuffer> ReadFile(const std::filesystem::path& path, uint64_t max_bytes) {
  std::error_code error;
  uint64_t size = std::filesystem::file_size(path, error);
  if (error) return NotFound("cannot read " + path.string() + ": " + error.message());
  if (size > max_bytes) {
    return TooLarge(path.string() + " has " + std::to_string(size) + " bytes, the limit is " +
                    std::to_string(max_bytes));
  }
  WNN_ASSIGN_OR_RETURN(AlignedBuffer bytes, AlignedBuffer::Allocate(size));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!file || static_cast<uint64_t>(file.gcount()) != size) {
    return RuntimeError("cannot read all of " + path.string());
  }
  return bytes;
}

Logger& NoLog() {
  static NullLogger logger;
  return logger;
}

}  // namespace

Environment::Environment(EnvironmentOptions options) : options_(std::move(options)) {
  if (options_.log == nullptr) options_.log = &NoLog();
}

Status Environment::AddNamedModel(NamedModel model) {
  std::error_code error;
  if (std::filesystem::is_directory(model.path, error)) {
    model.path /= kModelFile;
    if (!std::filesystem::is_regular_file(model.path, error)) {
      return NotFound("the directory " + model.path.parent_path().string() + " has no file " +
                      kModelFile);
    }
  } else if (!std::filesystem::is_regular_file(model.path, error)) {
    return NotFound("there is no file " + model.path.string());
  }
  std::string name = model.name;
  auto entry = std::make_shared<Entry>(std::move(model));
  MutexLock lock(mutex_);
  auto [it, inserted] = named_models_.try_emplace(std::move(name), std::move(entry));
  if (!inserted) return InvalidArgument("there is already a graph named '" + it->first + "'");
  return OkStatus();
}

Status Environment::CheckLoad(uint64_t model_bytes, Encoding encoding,
                              runtimes::Target target) const {
  if (encoding != Encoding::kOnnx && encoding != Encoding::kAutodetect) {
    return InvalidEncoding("this host runs ONNX models, not '" +
                           std::string(EncodingName(encoding)) + "'");
  }
  if (model_bytes == 0) return InvalidEncoding("the model is empty");
  if (model_bytes > options_.limits.max_model_bytes) {
    return TooLarge("the model has " + std::to_string(model_bytes) + " bytes, the limit is " +
                    std::to_string(options_.limits.max_model_bytes));
  }
  WNN_RETURN_IF_ERROR(CheckGuestModels());
  const bool to_gpu = TargetOf(target) == NamedTarget::kGpu;
  return to_gpu ? CheckTarget(runtimes::Target::kGpu) : OkStatus();
}

Status Environment::CheckGuestModels() const {
  const auto& names = options_.guest_model_runtimes;
  if (!names || std::ranges::find(*names, options_.runtime->name()) != names->end()) {
    return OkStatus();
  }
  return Security("this host gives no models that guests bring along to the runtime " +
                  std::string(options_.runtime->name()) + ": load one by its name");
}

Status Environment::CheckTarget(runtimes::Target target) const {
  if (target == runtimes::Target::kGpu && !options_.allow_gpu) {
    return Unsupported("this host does not let guests use the GPU");
  }
  return OkStatus();
}

NamedTarget Environment::TargetOf(runtimes::Target asked) const {
  if (options_.target) return *options_.target;
  return asked == runtimes::Target::kGpu ? NamedTarget::kGpu : NamedTarget::kCpu;
}

Result<std::shared_ptr<const runtimes::Graph>> Environment::Load(std::span<const std::byte> bytes,
                                                                 Encoding encoding,
                                                                 runtimes::Target target,
                                                                 const LoadBounds& bounds) const {
  WNN_RETURN_IF_ERROR(CheckLoad(bytes.size(), encoding, target));
  if (target == runtimes::Target::kTpu) return LoadInto(bytes, target, nullptr, bounds);
  return LoadFor(TargetOf(target), bytes, nullptr, bounds, "a guest's model");
}

Result<std::shared_ptr<const runtimes::Graph>> Environment::LoadByName(std::string_view name) {
  std::shared_ptr<Entry> entry;
  {
    MutexLock lock(mutex_);
    auto it = named_models_.find(std::string(name));
    if (it == named_models_.end()) {
      return NotFound("no graph is named '" + std::string(name) + "'");
    }
    entry = it->second;
  }
  MutexLock lock(entry->mutex);
  if (entry->graph == nullptr) {
    auto graph = LoadFile(entry->model);
    if (!graph) return std::move(graph.error()).WithContext("graph '" + entry->model.name + "'");
    entry->graph = *std::move(graph);
  }
  return entry->graph;
}

Result<std::shared_ptr<const runtimes::Graph>> Environment::LoadFile(
    const NamedModel& model) const {
  WNN_ASSIGN_OR_RETURN(AlignedBuffer bytes, ReadFile(model.path, options_.limits.max_model_bytes));
  WNN_ASSIGN_OR_RETURN(const std::unique_ptr<ModelDirectory> directory,
                       ModelDirectory::Open(model.path.parent_path()));
  return LoadFor(model.target, bytes.bytes(), directory.get(), {}, "graph '" + model.name + "'");
}

Result<std::shared_ptr<const runtimes::Graph>> Environment::LoadFor(
    NamedTarget target, std::span<const std::byte> bytes, ExternalData* external,
    const LoadBounds& bounds, std::string_view what) const {
  if (target != NamedTarget::kCpu) {
    auto graph = LoadInto(bytes, runtimes::Target::kGpu, external, bounds);
    if (graph || target == NamedTarget::kGpu ||
        graph.error().code() != Code::kUnsupportedOperation) {
      return graph;
    }
    log().Log(LogLevel::kInfo,
              std::string(what) + " goes to the CPU: " + std::string(graph.error().message()));
  }
  return LoadInto(bytes, runtimes::Target::kCpu, external, bounds);
}

Result<std::shared_ptr<const runtimes::Graph>> Environment::LoadInto(
    std::span<const std::byte> bytes, runtimes::Target target, ExternalData* external,
    const LoadBounds& bounds) const {
  WNN_RETURN_IF_ERROR(CheckTarget(target));
  Limits limits = options_.limits;
  limits.max_memory_bytes = std::min(limits.max_memory_bytes, bounds.max_memory_bytes);
  WNN_ASSIGN_OR_RETURN(ScannedModel scanned, ScanModel(bytes, limits, external, bounds.stop));
  runtimes::LoadOptions load;
  load.target = target;
  load.limits = limits;
  load.n_threads = options_.n_threads;
  load.log = options_.log;
  load.external = external;
  load.external_files = std::move(scanned.external_files);
  load.stop = bounds.stop;
  WNN_RETURN_IF_ERROR(bounds.stop.Check());
  MetadataReading reading = ReadModelMetadata(bytes);
  if (reading.n_left_out > 0) {
    log().Log(LogLevel::kWarn, std::to_string(reading.n_left_out) +
                                   " of the model's metadata are left out: they have more than " +
                                   std::to_string(kMaxMetadataBytes) + " bytes in all");
  }
  load.metadata = std::make_shared<const runtimes::ModelMetadata>(std::move(reading.metadata));
  return options_.runtime->Load(bytes, load);
}

}  // namespace wnn::nn
