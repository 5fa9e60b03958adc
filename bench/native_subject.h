// A model called directly through the runtime interface, as a native program would.
#pragma once

#include <memory>
#include <span>

#include "bench/subject.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"

namespace wnn::bench {

enum class NativeTensors {
  kCopied,    // the input into the runtime and the output out of it, as WASI-NN does
  kBorrowed,  // neither: the least that a call can cost
};

// kUnsupportedOperation for models with more than one input.
Result<std::unique_ptr<Subject>> MakeNativeSubject(SubjectId id,
                                                   std::shared_ptr<const runtimes::Runtime> runtime,
                                                   std::span<const std::byte> model,
                                                   NativeTensors tensors = NativeTensors::kCopied);

}  // namespace wnn::bench
