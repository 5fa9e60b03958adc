// Weights in the form a kernel wants, made once for each constant and form and shared by every plan
// of a model.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/aligned_buffer.h"
#include "engine/base/function_ref.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "engine/graph/fact.h"

namespace wnn::ops {

using PackedPtr = std::shared_ptr<const AlignedBuffer>;

// A kernel object that holds packed weights, and what they take.
struct PackedObject {
  std::shared_ptr<const void> object;
  size_t size_bytes = 0;
};

// Thread-safe. Entries live as long as the cache, or until their constant has died.
class PackCache {
 public:
  explicit PackCache(uint64_t max_bytes) : max_bytes_(max_bytes) {}

  // The packed form `layout` of `source`, by calling `pack` if there is none yet. `layout` names
  // the layout and every parameter of it. kTooLarge over the cache's limit; errors of `pack`.
  Result<PackedPtr> Get(const graph::TensorPtr& source, std::string_view layout,
                        FunctionRef<Result<AlignedBuffer>()> pack);
  // The same for an object. `layout` names its type too.
  Result<std::shared_ptr<const void>> GetObject(const graph::TensorPtr& source,
                                                std::string_view layout,
                                                FunctionRef<Result<PackedObject>()> make);

  size_t memory_bytes() const;

 private:
  struct Entry {
    std::weak_ptr<const Tensor> source;  // tells a constant from a later one at the same address
    PackedObject packed;
  };
  void DropDeadEntries() WNN_REQUIRES(mutex_);

  const uint64_t max_bytes_;
  mutable Mutex mutex_;
  std::map<std::pair<const Tensor*, std::string>, Entry> entries_ WNN_GUARDED_BY(mutex_);
  size_t memory_bytes_ WNN_GUARDED_BY(mutex_) = 0;
};

}  // namespace wnn::ops
