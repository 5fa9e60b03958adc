// The GPU: ONNX Runtime's CUDA execution provider, where the opened library has it. Private to this
// folder.
#pragma once

#include <onnxruntime_c_api.h>

#include <cstdint>

#include "engine/base/status.h"
#include "host/runtimes/onnxruntime/library.h"

namespace wnn::runtimes {

// Makes sessions of `options` compute on the GPU, with at most `max_memory_bytes` of its memory for
// tensors; what the provider has no kernel for stays on the CPU. kUnsupportedOperation, saying what
// is missing and where to get it, when the library was built without CUDA or CUDA cannot be used.
Status AddCuda(const OnnxRuntimeLibrary& library, uint64_t max_memory_bytes,
               OrtSessionOptions* options);

// What CreateSession answered for a session with CUDA: kUnsupportedOperation if it was the GPU, not
// the model, that failed.
Status FromCudaSession(Status status);

}  // namespace wnn::runtimes
