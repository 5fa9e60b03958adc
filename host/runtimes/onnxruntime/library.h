// Finds and opens ONNX Runtime's shared library. Nothing of it is linked.
#pragma once

#include <memory>
#include <string>

#include "engine/base/status.h"

struct OrtApi;

namespace wnn::runtimes {

// The opened library. It stays open for the rest of the process: it has threads and exit handlers
// of its own. Thread-safe.
struct OnnxRuntimeLibrary {
  const OrtApi* api = nullptr;
  std::string path;
  std::string version;  // "1.32.0"
};

// Opens `library_path`, a library or the folder that has it; when that is empty, the first of
// $ORT_DYLIB_PATH, $ONNXRUNTIME_ROOT, the system's library path, and the project's cache
// (${XDG_CACHE_HOME:-$HOME/.cache}/wasi-nn-onnx/onnxruntime). kNotFound says where it looked, why
// each place did not do, and how to get the library.
Result<OnnxRuntimeLibrary> OpenOnnxRuntimeLibrary(const std::string& library_path);

}  // namespace wnn::runtimes
