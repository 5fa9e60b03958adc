#include "engine/base/aligned_buffer.h"

#include <cstdlib>
#include <cstring>

namespace wnn {

void AlignedBuffer::Free::operator()(std::byte* p) const { std::free(p); }

Result<AlignedBuffer> AlignedBuffer::Allocate(size_t size_bytes) {
  AlignedBuffer buffer;
  // aligned_alloc wants a multiple of the alignment; a zero-byte tensor still gets an address.
  size_t rounded = (size_bytes + kCacheLineBytes - 1) / kCacheLineBytes * kCacheLineBytes;
  if (rounded == 0) rounded = kCacheLineBytes;
  void* block = rounded < size_bytes ? nullptr : std::aligned_alloc(kCacheLineBytes, rounded);
  if (block == nullptr) {
    return TooLarge("cannot allocate " + std::to_string(size_bytes) + " bytes");
  }
  buffer.data_.reset(static_cast<std::byte*>(block));
  buffer.size_bytes_ = size_bytes;
  return buffer;
}

Result<AlignedBuffer> AlignedBuffer::AllocateZeroed(size_t size_bytes) {
  WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, Allocate(size_bytes));
  std::memset(buffer.data(), 0, size_bytes);
  return buffer;
}

}  // namespace wnn
