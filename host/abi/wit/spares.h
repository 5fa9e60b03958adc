// Memory of dropped tensors, kept for the next ones: how inferences that are alike allocate
// nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/aligned_buffer.h"
#include "engine/base/status.h"
#include "engine/tensor/tensor.h"

namespace wnn::abi {

// Keeps what was dropped last, no more than kMaxBuffers, kMaxShapes and `max_bytes` of the buffers.
// Nobody's budget counts it. Thread-compatible.
class Spares {
 public:
  static constexpr size_t kMaxBuffers = 64;
  static constexpr size_t kMaxShapes = 64;

  explicit Spares(uint64_t max_bytes);

  // One of exactly this size: a spare, with whatever was in it, or a new one, with
  // AlignedBuffer::Allocate's errors.
  Result<AlignedBuffer> Buffer(size_t size_bytes);
  // No dimensions yet.
  Shape EmptyShape();

  // Frees the oldest to make room. One that is larger than all the room is freed itself.
  void Keep(AlignedBuffer buffer) noexcept;
  void Keep(Shape shape) noexcept;

  uint64_t kept_bytes() const { return kept_bytes_; }

 private:
  AlignedBuffer TakeOut(size_t at) noexcept;

  const uint64_t max_bytes_;
  uint64_t kept_bytes_ = 0;
  std::vector<AlignedBuffer> buffers_;  // the oldest first
  std::vector<Shape> shapes_;
};

}  // namespace wnn::abi
