// What a model file says of itself.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace wnn::runtimes {

// Fields of ONNX's ModelProto and of its graph; texts that the model lacks are empty. Whatever a
// model's author wrote: the texts need not be UTF-8.
struct ModelMetadata {
  std::string producer_name;
  std::string producer_version;
  std::string domain;
  int64_t version = 0;
  std::string graph_name;
  std::string description;  // doc_string
  // metadata_props in the model's order. Of a key that comes twice the last value counts.
  std::vector<std::pair<std::string, std::string>> properties;
};

}  // namespace wnn::runtimes
