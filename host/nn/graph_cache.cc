#include "host/nn/graph_cache.h"

#include <openssl/evp.h>

#include <utility>

namespace wnn::nn {

Result<GraphCache::GraphPtr> GraphCache::GetOrLoad(std::span<const std::byte> model,
                                                   runtimes::Target target,
                                                   FunctionRef<Result<GraphPtr>()> load) {
  Key key{{}, target};
  unsigned int digest_bytes = 0;
  if (EVP_Digest(model.data(), model.size(), key.digest.data(), &digest_bytes, EVP_sha256(),
                 nullptr) != 1 ||
      digest_bytes != key.digest.size()) {
    return Internal("SHA-256 of the model failed");
  }
  {
    MutexLock lock(mutex_);
    auto it = graphs_.find(key);
    if (it != graphs_.end()) {
      if (GraphPtr graph = it->second.lock()) return graph;
    }
  }
  WNN_ASSIGN_OR_RETURN(GraphPtr graph, load());
  MutexLock lock(mutex_);
  std::erase_if(graphs_, [](const auto& entry) { return entry.second.expired(); });
  graphs_.insert_or_assign(key, graph);
  return graph;
}

}  // namespace wnn::nn
