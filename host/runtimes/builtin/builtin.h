// The `builtin` runtime: our own engine (engine/), linked in, nothing to install.
#pragma once

#include <memory>

#include "host/runtimes/runtime.h"

namespace wnn::runtimes {

// Graphs that ask for the same number of threads share one pool, kept as long as the runtime.
std::shared_ptr<const Runtime> MakeBuiltinRuntime();

}  // namespace wnn::runtimes
