// Files that tests read: the real models beside the source tree, where they are.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "engine/frontend/onnx_proto.h"
#include "engine/frontend/tensor_reader.h"

namespace wnn::testing {

// $WNN_SHARED_DIR, or ../shared beside the source tree. May not exist.
inline std::filesystem::path SharedDir() {
  if (const char* dir = std::getenv("WNN_SHARED_DIR")) return dir;
  return std::filesystem::path(WNN_SOURCE_DIR) / ".." / "shared";
}

inline std::optional<std::vector<std::byte>> ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return std::nullopt;
  std::vector<std::byte> bytes(static_cast<size_t>(file.tellg()));
  file.seekg(0);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!file) return std::nullopt;
  return bytes;
}

// A serialised TensorProto, as ONNX's test data are.
inline std::optional<Tensor> ReadTensorFile(const std::filesystem::path& path) {
  auto bytes = ReadFile(path);
  if (!bytes) return std::nullopt;
  auto proto = frontend::ParseTensor(*bytes);
  if (!proto) return std::nullopt;
  auto tensor = frontend::ReadTensor(*proto, Limits());
  if (!tensor) return std::nullopt;
  return std::move(*tensor);
}

}  // namespace wnn::testing
