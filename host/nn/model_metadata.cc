#include "host/nn/model_metadata.h"

#include <string>
#include <string_view>
#include <unordered_map>

#include "engine/frontend/wire.h"

namespace wnn::nn {
namespace {

using frontend::Field;
using frontend::WireReader;
using runtimes::ModelMetadata;

// onnx.proto's field numbers.
constexpr uint32_t kModelProducerName = 2;
constexpr uint32_t kModelProducerVersion = 3;
constexpr uint32_t kModelDomain = 4;
constexpr uint32_t kModelVersion = 5;
constexpr uint32_t kModelDocString = 6;
constexpr uint32_t kModelGraph = 7;
constexpr uint32_t kModelMetadataProps = 14;
constexpr uint32_t kGraphName = 2;
constexpr uint32_t kEntryKey = 1;
constexpr uint32_t kEntryValue = 2;

class Reading {
 public:
  explicit Reading(MetadataReading& result) : result_(result) {}

  void Model(std::span<const std::byte> model) {
    ModelMetadata& metadata = result_.metadata;
    WireReader reader(model);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsVarint() && field.number == kModelVersion) metadata.version = field.AsInt64();
      if (!field.IsBytes()) continue;
      switch (field.number) {
        case kModelProducerName: Keep(field.AsString(), metadata.producer_name); break;
        case kModelProducerVersion: Keep(field.AsString(), metadata.producer_version); break;
        case kModelDomain: Keep(field.AsString(), metadata.domain); break;
        case kModelDocString: Keep(field.AsString(), metadata.description); break;
        case kModelGraph: Graph(field.bytes); break;
        case kModelMetadataProps: Property(field.bytes); break;
        default: break;
      }
    }
  }

 private:
  void Graph(std::span<const std::byte> graph) {
    WireReader reader(graph);
    while (reader.Next()) {
      const Field& field = reader.field();
      if (field.IsBytes() && field.number == kGraphName) {
        Keep(field.AsString(), result_.metadata.graph_name);
      }
    }
  }

  void Property(std::span<const std::byte> entry) {
    std::string_view key;
    std::string_view value;
    WireReader reader(entry);
    while (reader.Next()) {
      if (!reader.field().IsBytes()) continue;
      if (reader.field().number == kEntryKey) key = reader.field().AsString();
      if (reader.field().number == kEntryValue) value = reader.field().AsString();
    }
    auto& properties = result_.metadata.properties;
    const auto same = index_.find(key);
    if (same != index_.end()) {
      Keep(value, properties[same->second].second);
      return;
    }
    // What an entry costs beside its texts counts, too: a model may have a million empty ones.
    constexpr size_t kEntryBytes = 64;
    if (!Fits(key.size() + value.size() + kEntryBytes)) return;
    index_.emplace(key, properties.size());
    properties.emplace_back(key, value);
  }

  bool Fits(size_t bytes) {
    if (bytes > kMaxMetadataBytes - used_) {
      ++result_.n_left_out;
      return false;
    }
    used_ += bytes;
    return true;
  }

  // The last field of a number counts, as in protobuf.
  void Keep(std::string_view text, std::string& out) {
    if (Fits(text.size())) out = text;
  }

  MetadataReading& result_;
  size_t used_ = 0;
  std::unordered_map<std::string_view, size_t> index_;  // of each key's property
};

}  // namespace

MetadataReading ReadModelMetadata(std::span<const std::byte> model) {
  MetadataReading result;
  Reading(result).Model(model);
  return result;
}

}  // namespace wnn::nn
