// Has the system back new memory before a kernel writes to it.
#pragma once

#include <cstddef>
#include <span>

#include "engine/base/parallel.h"

namespace wnn {

// Writes to each page of a large block that was just allocated, whose contents are lost.
//
// The system clears a page when it is first written to: of 2 MiB each, milliseconds where it runs
// on another system. A kernel whose task writes to a hundred channels has a hundred of those
// cleared before it can ask whether it is stopped, and its threads wait for each other's. Here it
// is one page a task, so that a StoppableParallel stops between them. Blocks of less than 32 MiB
// are left alone: AlignedBuffer has none of those backed by such pages, and what they cost is in
// proportion to what is written.
inline void FirstTouch(std::span<std::byte> memory, Parallel& parallel) {
  constexpr size_t kMinBytes = size_t{32} << 20, kTaskBytes = size_t{2} << 20, kPage = 4096;
  if (memory.size() < kMinBytes) return;
  parallel.ForEach((memory.size() + kTaskBytes - 1) / kTaskBytes, [&](size_t task, int) {
    const size_t begin = task * kTaskBytes;
    const size_t end = begin + kTaskBytes < memory.size() ? begin + kTaskBytes : memory.size();
    for (size_t at = begin; at < end; at += kPage) {
      *static_cast<volatile std::byte*>(memory.data() + at) = std::byte{0};
    }
  });
}

}  // namespace wnn
