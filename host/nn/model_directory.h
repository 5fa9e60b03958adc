// The directory of a model that the host loads by name, as the only place where the model may have
// files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/external_data.h"
#include "engine/base/status.h"

namespace wnn::nn {

// Files are regular ones beneath the directory, by relative paths without "..". No symbolic link
// leads out of it, whatever is changed while it is used: the kernel resolves each path beneath the
// directory's descriptor (openat2). Where it cannot, no component may be a link at all.
//
// Read, not mapped: a file that is cut short while it is mapped kills the process.
class ModelDirectory final : public ExternalData {
 public:
  // kNotFound if there is no such directory.
  static Result<std::unique_ptr<ModelDirectory>> Open(const std::filesystem::path& directory);
  ModelDirectory(const ModelDirectory&) = delete;
  ModelDirectory& operator=(const ModelDirectory&) = delete;
  ~ModelDirectory() override;

  Result<uint64_t> SizeOf(std::string_view location) override;
  Status Read(std::string_view location, uint64_t offset, std::span<std::byte> out) override;

 private:
  explicit ModelDirectory(int directory) : directory_(directory) {}

  // Makes `location` the open file.
  Status Select(std::string_view location);

  const int directory_;
  // The file that was used last: models keep most tensors in one.
  std::string location_;
  int file_ = -1;
  uint64_t size_ = 0;
};

}  // namespace wnn::nn
