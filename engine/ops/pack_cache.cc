#include "engine/ops/pack_cache.h"

namespace wnn::ops {

Result<PackedPtr> PackCache::Get(const graph::TensorPtr& source, std::string_view layout,
                                 FunctionRef<Result<AlignedBuffer>()> pack) {
  auto make = [&]() -> Result<PackedObject> {
    WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, pack());
    const size_t size_bytes = buffer.size();
    return PackedObject{std::make_shared<const AlignedBuffer>(std::move(buffer)), size_bytes};
  };
  WNN_ASSIGN_OR_RETURN(std::shared_ptr<const void> packed, GetObject(source, layout, make));
  return std::static_pointer_cast<const AlignedBuffer>(std::move(packed));
}

Result<std::shared_ptr<const void>> PackCache::GetObject(const graph::TensorPtr& source,
                                                         std::string_view layout,
                                                         FunctionRef<Result<PackedObject>()> make) {
  MutexLock lock(mutex_);
  auto key = std::make_pair(source.get(), std::string(layout));
  auto it = entries_.find(key);
  if (it != entries_.end() && !it->second.source.expired()) return it->second.packed.object;

  DropDeadEntries();
  WNN_ASSIGN_OR_RETURN(PackedObject packed, make());
  if (packed.size_bytes > max_bytes_ || memory_bytes_ > max_bytes_ - packed.size_bytes) {
    return TooLarge("the model's packed weights are over the limit of " +
                    std::to_string(max_bytes_) + " bytes");
  }
  memory_bytes_ += packed.size_bytes;
  std::shared_ptr<const void> object = packed.object;
  entries_.insert_or_assign(std::move(key), Entry{source, std::move(packed)});
  return object;
}

size_t PackCache::memory_bytes() const {
  MutexLock lock(mutex_);
  return memory_bytes_;
}

void PackCache::DropDeadEntries() {
  std::erase_if(entries_, [this](const auto& item) WNN_REQUIRES(mutex_) {
    if (!item.second.source.expired()) return false;
    memory_bytes_ -= item.second.packed.size_bytes;
    return true;
  });
}

}  // namespace wnn::ops
