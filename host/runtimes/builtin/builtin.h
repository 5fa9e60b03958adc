// The `builtin` runtime: our own engine (engine/), linked in, nothing to install.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/image_decoder.h"
#include "host/runtimes/runtime.h"

namespace wnn::runtimes {

struct BuiltinOptions {
  // Passes of the engine's optimiser to leave out, names from engine::OptimizerPasses(). Models
  // give the same answers without, within rounding. Load refuses an unknown name
  // (kInvalidArgument).
  std::vector<std::string> disabled_passes = {};
  // What models that the host names decode pictures with (the operator ImageDecoder); null: such
  // models are refused. Never given to a model that came as bytes from a guest.
  std::shared_ptr<const ImageDecoder> image_decoder = nullptr;
};

// Graphs that ask for the same number of threads share one pool, kept as long as the runtime.
std::shared_ptr<const Runtime> MakeBuiltinRuntime(BuiltinOptions options = {});

}  // namespace wnn::runtimes
