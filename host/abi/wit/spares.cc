#include "host/abi/wit/spares.h"

#include <utility>

namespace wnn::abi {

Spares::Spares(uint64_t max_bytes) : max_bytes_(max_bytes) {
  buffers_.reserve(kMaxBuffers);
  shapes_.reserve(kMaxShapes);
}

Result<AlignedBuffer> Spares::Buffer(size_t size_bytes) {
  for (size_t i = buffers_.size(); i > 0; --i) {
    if (buffers_[i - 1].size() == size_bytes) return TakeOut(i - 1);
  }
  return AlignedBuffer::Allocate(size_bytes);
}

Shape Spares::EmptyShape() {
  if (shapes_.empty()) return {};
  Shape shape = std::move(shapes_.back());
  shapes_.pop_back();
  shape.clear();
  return shape;
}

void Spares::Keep(AlignedBuffer buffer) noexcept {
  if (buffer.data() == nullptr || buffer.size() > max_bytes_) return;
  while (buffers_.size() == kMaxBuffers || kept_bytes_ > max_bytes_ - buffer.size()) TakeOut(0);
  kept_bytes_ += buffer.size();
  buffers_.push_back(std::move(buffer));
}

void Spares::Keep(Shape shape) noexcept {
  if (shape.capacity() != 0 && shapes_.size() < kMaxShapes) shapes_.push_back(std::move(shape));
}

AlignedBuffer Spares::TakeOut(size_t at) noexcept {
  AlignedBuffer buffer = std::move(buffers_[at]);
  buffers_.erase(buffers_.begin() + static_cast<std::ptrdiff_t>(at));
  kept_bytes_ -= buffer.size();
  return buffer;
}

}  // namespace wnn::abi
