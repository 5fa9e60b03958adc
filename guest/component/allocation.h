// Lets the host write lists of bytes where they are wanted. Private to this folder.
#pragma once

#include <cstddef>

namespace wasi_nn_component {

// The next list of bytes that the host returns is written to `data` if it fits, and otherwise to
// memory that the caller frees. Null, 0 ends that.
void SetTarget(void* data, std::size_t capacity);

}  // namespace wasi_nn_component
