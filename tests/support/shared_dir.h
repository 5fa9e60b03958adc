// Finds the folder of real models and pictures that some tests need.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace wnn::testing {

// $WNN_SHARED_DIR, or `shared` beside the source tree. Nothing when there is no such folder: tests
// then skip, saying so.
inline std::optional<std::filesystem::path> SharedDir() {
  const char* variable = std::getenv("WNN_SHARED_DIR");
  const std::filesystem::path path =
      variable != nullptr ? variable : std::filesystem::path(WNN_SOURCE_DIR) / "../shared";
  std::error_code error;
  if (!std::filesystem::is_directory(path / "models", error)) return std::nullopt;
  return path;
}

}  // namespace wnn::testing
