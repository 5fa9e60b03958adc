// Tensors that a model keeps in files beside it. The engine opens no file: whoever may gives it the
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/status.h"

namespace wnn {

// The files that one model may read. Thread-compatible.
class ExternalData {
 public:
  virtual ~ExternalData() = default;

  // Bytes of the file that the model calls `location`. kSecurity for one that the model may not
  // have, kNotFound for one that is not there.
  virtual Result<uint64_t> SizeOf(std::string_view location) = 0;

  // Fills `out` with the file's bytes from `offset` on. Errors as SizeOf; kInvalidArgument when the
  // file ends before `out` is full.
  virtual Status Read(std::string_view location, uint64_t offset, std::span<std::byte> out) = 0;
};

}  // namespace wnn
