// What one untrusted model may cost. Checked before anything of that size is allocated.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wnn {

struct Limits {
  uint64_t max_model_bytes = uint64_t{2} << 30;   // a protobuf cannot be larger
  uint64_t max_nodes = 100'000;                   // with those of subgraphs and functions
  uint64_t max_fields = 4'000'000;                // of a model: names, declarations, list elements
  uint64_t max_nesting = 32;                      // of subgraphs, of functions, of types
  uint64_t max_rank = 64;                         // of any tensor
  uint64_t max_tensor_bytes = uint64_t{2} << 30;  // of any one tensor
  uint64_t max_memory_bytes = uint64_t{8} << 30;  // of a model's weights; of a context's tensors
};

}  // namespace wnn
