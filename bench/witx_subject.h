// A model called by a WebAssembly guest (infer.wat) through the witx ABI.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "bench/subject.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"
#include "host/wasm/engine.h"

namespace wnn::bench {

class WitxSubject : public Subject {
 public:
  // Tensor bytes that the host copied during the last Infer, as it reports them.
  virtual uint64_t bytes_copied() const = 0;
};

// Lifetime: `engine` outlives the subject.
Result<std::unique_ptr<WitxSubject>> MakeWitxSubject(
    SubjectId id, wasm::Engine& engine, std::shared_ptr<const runtimes::Runtime> runtime,
    std::span<const std::byte> model);

}  // namespace wnn::bench
