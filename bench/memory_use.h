// What this process holds in memory.
#pragma once

#include <cstdint>

namespace wnn::bench {

// Bytes of this process in physical memory, after the allocator gave back what it does not need;
// 0 where the system does not tell.
int64_t ResidentBytes();

}  // namespace wnn::bench
