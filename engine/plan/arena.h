// Where buffers of known lifetimes lie in one block of memory.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/status.h"

namespace wnn::plan {

// A buffer that is written first in step `first_step` and read last in step `last_step`.
struct BufferUse {
  uint64_t size_bytes = 0;
  int64_t first_step = 0;
  int64_t last_step = 0;
};

struct ArenaLayout {
  std::vector<uint64_t> offsets;  // one a buffer, multiples of kCacheLineBytes
  uint64_t size_bytes = 0;
};

// Gives each buffer the first gap that is large enough and free for its whole life: buffers whose
// lives overlap never do. REQUIRES: uses are sorted by first_step. kTooLarge if the arena's size
// leaves uint64.
Result<ArenaLayout> LayOutArena(std::span<const BufferUse> uses);

}  // namespace wnn::plan
