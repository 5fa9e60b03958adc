// Reads what a model file says of itself, for whichever runtime loads it.
#pragma once

#include <cstddef>
#include <span>

#include "host/runtimes/model_metadata.h"

namespace wnn::nn {

// More text than this, names and values together, is left out: metadata are for people and programs
// that look something up, not for data.
inline constexpr size_t kMaxMetadataBytes = size_t{1} << 20;

struct MetadataReading {
  runtimes::ModelMetadata metadata;
  size_t n_left_out = 0;  // texts over the limit
};

// `model`: what ScanModel accepts. Fields of another wire type than onnx.proto's are passed over.
MetadataReading ReadModelMetadata(std::span<const std::byte> model);

}  // namespace wnn::nn
