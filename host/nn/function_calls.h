// What a model takes once its functions are expanded in place of the nodes that call them. Private
// to this folder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/status.h"

namespace wnn::nn {

// The main graph, or a function, with all subgraphs.
struct ScannedBody {
  uint64_t n_nodes = 0;
  uint64_t tensor_bytes = 0;
  std::vector<size_t> calls;  // of functions, by their index, one for each node that calls
};

// kInvalidArgument if functions call themselves; kSecurity if calls are nested deeper than any real
// model's; kTooLarge if `main` with everything expanded has more nodes, or more bytes of tensors,
// than `limits` allow.
Status CheckExpanded(const ScannedBody& main, const std::vector<ScannedBody>& functions,
                     const Limits& limits);

}  // namespace wnn::nn
