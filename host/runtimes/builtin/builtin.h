// The `builtin` runtime: our own engine (engine/), linked in, nothing to install.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/runtimes/runtime.h"

namespace wnn::runtimes {

struct BuiltinOptions {
  // Passes of the engine's optimiser to leave out, names from engine::OptimizerPasses(). Models
  // give the same answers without, within rounding. Load refuses an unknown name
  // (kInvalidArgument).
  std::vector<std::string> disabled_passes;
};

// Graphs that ask for the same number of threads share one pool, kept as long as the runtime.
std::shared_ptr<const Runtime> MakeBuiltinRuntime(BuiltinOptions options = {});

}  // namespace wnn::runtimes
