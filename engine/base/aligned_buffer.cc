#include "engine/base/aligned_buffer.h"

#include <cstdlib>
#include <cstring>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace wnn {
namespace {

// `size_bytes` is a multiple of kCacheLineBytes.
void* AllocateBlock(size_t size_bytes) {
#if defined(__linux__)
  // Blocks this large glibc maps anew each time, and the first touch of their pages of 4 KiB costs
  // three times as much as that of huge ones. Smaller blocks come back with their pages.
  constexpr size_t kHugePageBytes = size_t{2} << 20;
  constexpr size_t kMinHugeBytes = size_t{32} << 20;
  if (size_bytes >= kMinHugeBytes) {
    void* block = nullptr;
    if (posix_memalign(&block, kHugePageBytes, size_bytes) != 0) return nullptr;
    static_cast<void>(madvise(block, size_bytes, MADV_HUGEPAGE));  // only advice
    return block;
  }
#endif
  return std::aligned_alloc(kCacheLineBytes, size_bytes);
}

}  // namespace

void AlignedBuffer::Free::operator()(std::byte* p) const { std::free(p); }

Result<AlignedBuffer> AlignedBuffer::Allocate(size_t size_bytes) {
  AlignedBuffer buffer;
  // aligned_alloc wants a multiple of the alignment; a zero-byte tensor still gets an address.
  size_t rounded = (size_bytes + kCacheLineBytes - 1) / kCacheLineBytes * kCacheLineBytes;
  if (rounded == 0) rounded = kCacheLineBytes;
  void* block = rounded < size_bytes ? nullptr : AllocateBlock(rounded);
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
