#include "engine/plan/arena.h"

#include <map>
#include <queue>

#include "engine/base/aligned_buffer.h"
#include "engine/base/checked_math.h"

namespace wnn::plan {
namespace {

// The free parts of the arena below its present end.
class FreeList {
 public:
  explicit FreeList(uint64_t* end) : end_(*end) {}

  // First fit; the last gap may grow into new space.
  Result<uint64_t> Take(uint64_t size) {
    for (auto gap = gaps_.begin(); gap != gaps_.end(); ++gap) {
      if (gap->second < size && gap->first + gap->second != end_) continue;
      const uint64_t offset = gap->first, available = gap->second;
      gaps_.erase(gap);
      if (available > size) gaps_.emplace(offset + size, available - size);
      if (available < size) WNN_RETURN_IF_ERROR(Grow(size - available));
      return offset;
    }
    const uint64_t offset = end_;
    WNN_RETURN_IF_ERROR(Grow(size));
    return offset;
  }

  void Give(uint64_t offset, uint64_t size) {
    auto next = gaps_.lower_bound(offset);
    if (next != gaps_.end() && next->first == offset + size) {
      size += next->second;
      next = gaps_.erase(next);
    }
    if (next != gaps_.begin()) {
      auto previous = std::prev(next);
      if (previous->first + previous->second == offset) {
        previous->second += size;
        return;
      }
    }
    gaps_.emplace(offset, size);
  }

 private:
  Status Grow(uint64_t size) {
    auto end = CheckedAdd(end_, size);
    if (!end) return TooLarge("the tensors of one run take more than 2^64 bytes");
    end_ = *end;
    return OkStatus();
  }

  uint64_t& end_;
  std::map<uint64_t, uint64_t> gaps_;  // offset -> size; never adjacent
};

}  // namespace

Result<ArenaLayout> LayOutArena(std::span<const BufferUse> uses) {
  struct Ending {
    int64_t last_step;
    size_t buffer;
    bool operator>(const Ending& other) const { return last_step > other.last_step; }
  };
  ArenaLayout layout;
  layout.offsets.resize(uses.size());
  std::vector<uint64_t> sizes(uses.size());
  FreeList free_list(&layout.size_bytes);
  std::priority_queue<Ending, std::vector<Ending>, std::greater<>> live;
  for (size_t i = 0; i < uses.size(); ++i) {
    while (!live.empty() && live.top().last_step < uses[i].first_step) {
      const size_t buffer = live.top().buffer;
      live.pop();
      free_list.Give(layout.offsets[buffer], sizes[buffer]);
    }
    if (uses[i].size_bytes == 0) continue;
    auto padded = CheckedAdd<uint64_t>(uses[i].size_bytes, kCacheLineBytes - 1);
    if (!padded) return TooLarge("a tensor takes more than 2^64 bytes");
    sizes[i] = *padded / kCacheLineBytes * kCacheLineBytes;
    WNN_ASSIGN_OR_RETURN(layout.offsets[i], free_list.Take(sizes[i]));
    live.push({uses[i].last_step, i});
  }
  return layout;
}

}  // namespace wnn::plan
