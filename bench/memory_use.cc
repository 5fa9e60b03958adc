#include "bench/memory_use.h"

#include <malloc.h>
#include <unistd.h>

#include <fstream>

namespace wnn::bench {

int64_t ResidentBytes() {
  malloc_trim(0);
  std::ifstream file("/proc/self/statm");
  int64_t total_pages = 0;
  int64_t resident_pages = 0;
  if (!(file >> total_pages >> resident_pages)) return 0;
  return resident_pages * sysconf(_SC_PAGESIZE);
}

}  // namespace wnn::bench
