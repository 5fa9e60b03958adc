#include "host/runtimes/tract/tract.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "host/runtimes/tract/bridge.h"
#include "host/runtimes/tract/context.h"

namespace wnn::runtimes {
namespace {

ValueInfo DescribeValue(const wnn_tract_value_t& value) {
  ValueInfo info;
  info.name = AsText(value.name);
  info.dtype = DTypeFromOnnx(value.type).value_or(DType::kUndefined);
  info.has_shape = value.has_shape;
  for (const wnn_tract_dim_t& dim : std::span(value.dims, value.rank)) {
    info.dims.push_back({dim.size, std::string(AsText(dim.symbol))});
  }
  return info;
}

std::vector<ValueInfo> DescribeValues(const wnn_tract_model_t* model, bool outputs) {
  std::vector<ValueInfo> infos;
  wnn_tract_model_values(
      model, outputs,
      [](void* env, const wnn_tract_value_t* value) {
        static_cast<std::vector<ValueInfo>*>(env)->push_back(DescribeValue(*value));
      },
      &infos);
  return infos;
}

class TractGraph final : public Graph, public std::enable_shared_from_this<TractGraph> {
 public:
  TractGraph(TractModelHandle model, const LoadOptions& options)
      : model_(std::move(model)),
        inputs_(DescribeValues(model_.get(), false)),
        outputs_(DescribeValues(model_.get(), true)),
        metadata_(options.metadata),
        max_memory_bytes_(options.limits.max_memory_bytes) {}

  std::span<const ValueInfo> inputs() const override { return inputs_; }
  std::span<const ValueInfo> outputs() const override { return outputs_; }
  const ModelMetadata& metadata() const override {
    return metadata_ != nullptr ? *metadata_ : Graph::metadata();
  }
  uint64_t memory_bytes() const override { return wnn_tract_model_bytes(model_.get()); }
  Result<std::unique_ptr<Context>> NewContext(std::shared_ptr<MemoryBudget> budget) const override {
    return std::unique_ptr<Context>(std::make_unique<TractContext>(
        shared_from_this(), model_.get(), max_memory_bytes_, std::move(budget)));
  }

 private:
  TractModelHandle model_;
  std::vector<ValueInfo> inputs_;
  std::vector<ValueInfo> outputs_;
  std::shared_ptr<const ModelMetadata> metadata_;  // may be null
  uint64_t max_memory_bytes_;
};

// What a load's functions are called with.
struct LoadCall {
  const LoadOptions& options;
  Status file_error = OkStatus();  // why a file could not be read

  // A file's bytes from `offset` on; all that follow if `length` is negative.
  Result<AlignedBuffer> ReadFile(std::string_view location, uint64_t offset, int64_t length) const {
    WNN_ASSIGN_OR_RETURN(const uint64_t size, options.external->SizeOf(location));
    const uint64_t follow = size - std::min(size, offset);
    const uint64_t wanted = length < 0 ? follow : static_cast<uint64_t>(length);
    if (offset > size || wanted > follow) {
      return InvalidArgument("'" + std::string(location) + "' has " + std::to_string(size) +
                             " bytes, not the " + std::to_string(wanted) + " from " +
                             std::to_string(offset) + " on that the model says");
    }
    WNN_ASSIGN_OR_RETURN(AlignedBuffer bytes, AlignedBuffer::Allocate(static_cast<size_t>(wanted)));
    WNN_RETURN_IF_ERROR(options.external->Read(location, offset, bytes.bytes()));
    return bytes;
  }
};

bool GiveFile(void* env, wnn_tract_text_t location, uint64_t offset, int64_t length,
              void (*give)(void* sink, const uint8_t* data, size_t len), void* sink) {
  auto& call = *static_cast<LoadCall*>(env);
  const auto bytes = call.ReadFile(AsText(location), offset, length);
  if (!bytes) {
    call.file_error = bytes.error();
    return false;
  }
  if (bytes->size() > 0) give(sink, reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size());
  return true;
}

class TractRuntime final : public Runtime {
 public:
  std::string_view name() const override { return "tract"; }
  std::string description() const override {
    return "Tract " + std::string(AsText(wnn_tract_version()));
  }

  Result<std::shared_ptr<const Graph>> Load(std::span<const std::byte> bytes,
                                            const LoadOptions& options) const override {
    if (options.target != Target::kCpu) return Unsupported("Tract computes on the CPU only");
    LoadCall load = {options};
    const wnn_tract_call_t call = {
        .max_memory_bytes = options.limits.max_memory_bytes,
        .env = &load,
        .stop = [](void* env) { return static_cast<LoadCall*>(env)->options.stop.Holds(); },
        .read_file = options.external != nullptr ? GiveFile : nullptr};
    wnn_tract_model_t* raw = nullptr;
    Status status = FromTract(wnn_tract_model_load(reinterpret_cast<const uint8_t*>(bytes.data()),
                                                   bytes.size(), &call, &raw));
    TractModelHandle model(raw);
    WNN_RETURN_IF_ERROR(std::move(load.file_error));
    if (!status.ok() && status.code() == Code::kTimeout) return options.stop.Check();
    WNN_RETURN_IF_ERROR(std::move(status));
    return std::shared_ptr<const Graph>(std::make_shared<TractGraph>(std::move(model), options));
  }
};

}  // namespace

std::shared_ptr<const Runtime> MakeTractRuntime() { return std::make_shared<TractRuntime>(); }

}  // namespace wnn::runtimes
