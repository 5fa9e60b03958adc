#include "host/nn/environment.h"

#include <fstream>
#include <optional>
#include <utility>

#include "engine/base/aligned_buffer.h"
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

Status Environment::AddNamedModel(std::string name, std::filesystem::path directory) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(directory / kModelFile, error)) {
    return NotFound("the directory " + directory.string() + " has no file " + kModelFile);
  }
  auto model = std::make_shared<NamedModel>();
  model->directory = std::move(directory);
  MutexLock lock(mutex_);
  auto [it, inserted] = named_models_.try_emplace(std::move(name), std::move(model));
  if (!inserted) return InvalidArgument("there is already a graph named '" + it->first + "'");
  return OkStatus();
}

Result<std::shared_ptr<const runtimes::Graph>> Environment::Load(std::span<const std::byte> bytes,
                                                                 Encoding encoding,
                                                                 runtimes::Target target) const {
  if (encoding != Encoding::kOnnx && encoding != Encoding::kAutodetect) {
    return InvalidEncoding("this host runs ONNX models, not '" +
                           std::string(EncodingName(encoding)) + "'");
  }
  if (bytes.empty()) return InvalidEncoding("the model is empty");
  return LoadInto(bytes, target, std::nullopt);
}

Result<std::shared_ptr<const runtimes::Graph>> Environment::LoadByName(std::string_view name) {
  std::shared_ptr<NamedModel> model;
  {
    MutexLock lock(mutex_);
    auto it = named_models_.find(std::string(name));
    if (it == named_models_.end()) {
      return NotFound("no graph is named '" + std::string(name) + "'");
    }
    model = it->second;
  }
  MutexLock lock(model->mutex);
  if (model->graph == nullptr) {
    WNN_ASSIGN_OR_RETURN(AlignedBuffer bytes,
                         ReadFile(model->directory / kModelFile, options_.limits.max_model_bytes));
    WNN_ASSIGN_OR_RETURN(model->graph,
                         LoadInto(bytes.bytes(), runtimes::Target::kCpu, model->directory));
  }
  return model->graph;
}

Result<std::shared_ptr<const runtimes::Graph>> Environment::LoadInto(
    std::span<const std::byte> bytes, runtimes::Target target,
    std::optional<std::filesystem::path> model_dir) const {
  if (bytes.size() > options_.limits.max_model_bytes) {
    return TooLarge("the model has " + std::to_string(bytes.size()) + " bytes, the limit is " +
                    std::to_string(options_.limits.max_model_bytes));
  }
  if (target == runtimes::Target::kGpu && !options_.allow_gpu) {
    return Unsupported("this host does not let guests use the GPU");
  }
  WNN_RETURN_IF_ERROR(ScanModel(bytes, options_.limits, model_dir));
  runtimes::LoadOptions load;
  load.target = target;
  load.limits = options_.limits;
  load.n_threads = options_.n_threads;
  load.log = options_.log;
  load.model_dir = std::move(model_dir);
  return options_.runtime->Load(bytes, load);
}

}  // namespace wnn::nn
