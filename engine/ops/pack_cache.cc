#include "engine/ops/pack_cache.h"

namespace wnn::ops {

Result<PackedPtr> PackCache::Get(const graph::TensorPtr& source, std::string_view layout,
                                 FunctionRef<Result<AlignedBuffer>()> pack) {
  MutexLock lock(mutex_);
  auto key = std::make_pair(source.get(), std::string(layout));
  auto it = entries_.find(key);
  if (it != entries_.end() && !it->second.source.expired()) return it->second.packed;

  DropDeadEntries();
  WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, pack());
  if (buffer.size() > max_bytes_ || memory_bytes_ > max_bytes_ - buffer.size()) {
    return TooLarge("the model's packed weights are over the limit of " +
                    std::to_string(max_bytes_) + " bytes");
  }
  memory_bytes_ += buffer.size();
  auto packed = std::make_shared<const AlignedBuffer>(std::move(buffer));
  entries_.insert_or_assign(std::move(key), Entry{source, packed});
  return packed;
}

size_t PackCache::memory_bytes() const {
  MutexLock lock(mutex_);
  return memory_bytes_;
}

void PackCache::DropDeadEntries() {
  std::erase_if(entries_, [this](const auto& item) WNN_REQUIRES(mutex_) {
    if (!item.second.source.expired()) return false;
    memory_bytes_ -= item.second.packed->size();
    return true;
  });
}

}  // namespace wnn::ops
