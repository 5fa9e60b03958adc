// Loaded graphs by their model's bytes, so that a guest that loads a model again gets what it has.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <span>

#include "engine/base/function_ref.h"
#include "engine/base/mutex.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"

namespace wnn::nn {

// Keeps no graph alive: an entry goes with the last handle or context of its graph. Bytes are told
// apart by their SHA-256, so sharing a cache between tenants tells none of them anything but that
// a load was quick; whether that matters is for whoever shares it to say.
//
// Thread-safe. Nothing is locked while a model loads: two threads that load the same new model at
// once both load it, and later loads get one of the two.
class GraphCache {
 public:
  using GraphPtr = std::shared_ptr<const runtimes::Graph>;

  // The graph of these bytes for this target, by `load` unless it is there.
  Result<GraphPtr> GetOrLoad(std::span<const std::byte> model, runtimes::Target target,
                             FunctionRef<Result<GraphPtr>()> load);

 private:
  struct Key {
    std::array<unsigned char, 32> digest;
    runtimes::Target target;
    auto operator<=>(const Key&) const = default;
  };

  Mutex mutex_;
  std::map<Key, std::weak_ptr<const runtimes::Graph>> graphs_ WNN_GUARDED_BY(mutex_);
};

}  // namespace wnn::nn
