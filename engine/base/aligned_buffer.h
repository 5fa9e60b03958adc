// A block of bytes aligned to a cache line, whose failure to allocate is a Status.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "engine/base/status.h"

namespace wnn {

inline constexpr size_t kCacheLineBytes = 64;

// Move-only. The contents are not initialised unless said.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // kTooLarge if the machine has no such block.
  static Result<AlignedBuffer> Allocate(size_t size_bytes);
  static Result<AlignedBuffer> AllocateZeroed(size_t size_bytes);

  std::byte* data() const { return data_.get(); }
  size_t size() const { return size_bytes_; }
  std::span<std::byte> bytes() const { return {data_.get(), size_bytes_}; }

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  std::unique_ptr<std::byte[], Free> data_;
  size_t size_bytes_ = 0;
};

}  // namespace wnn
