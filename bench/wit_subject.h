// A model called by a component (nn_component.wat) through wasi:nn.
#pragma once

#include <memory>
#include <span>

#include "bench/nn_subject.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"
#include "host/wasm/engine.h"

namespace wnn::bench {

// Lifetime: `engine` outlives the subject.
Result<std::unique_ptr<NnSubject>> MakeWitSubject(SubjectId id, wasm::Engine& engine,
                                                  std::shared_ptr<const runtimes::Runtime> runtime,
                                                  std::span<const std::byte> model);

}  // namespace wnn::bench
