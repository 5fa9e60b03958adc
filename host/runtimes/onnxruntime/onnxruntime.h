// The `onnxruntime` runtime: Microsoft's ONNX Runtime, opened at run time through its C API.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"

namespace wnn::runtimes {

struct OnnxRuntimeOptions {
  // The shared library, or the folder that has it. Empty: searched for as library.h says.
  std::string library_path;
  // Receives ONNX Runtime's own messages too. Lifetime: outlives the runtime.
  Logger* log = nullptr;
  // Of the memory that ONNX Runtime may have for the weights and tensors of all models together.
  // What would need more fails with kTooLarge.
  uint64_t max_memory_bytes = Limits().max_memory_bytes;
};

// kNotFound, saying where it looked and how to get the library, when there is none.
Result<std::shared_ptr<const Runtime>> OpenOnnxRuntime(const OnnxRuntimeOptions& options);

}  // namespace wnn::runtimes
