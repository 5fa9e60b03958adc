// The runtimes that this project has, and which of them this build has: -DWNN_WITH_BUILTIN=OFF and
// the like leave one out, -DWNN_WITH_TRACT=ON takes that one in.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/limits.h"
#include "engine/base/log.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"

namespace wnn::runtimes {

// What opening a runtime may need; each takes its own.
struct OpenOptions {
  std::vector<std::string> disabled_passes = {};  // as BuiltinOptions::disabled_passes
  std::string onnxruntime_library = {};           // as OnnxRuntimeOptions::library_path
  // Of all models together, for runtimes that keep account of it themselves: ONNX Runtime does.
  uint64_t max_memory_bytes = Limits().max_memory_bytes;
  Logger* log = nullptr;  // null drops messages. Lifetime: outlives the runtime.
};

using OpenFunction = Result<std::shared_ptr<const Runtime>> (*)(const OpenOptions& options);

struct KnownRuntime {
  std::string_view name;          // Runtime::name()
  std::string_view title;         // for people: "ONNX Runtime"
  std::string_view build_option;  // CMake's switch that builds it: "WNN_WITH_ONNXRUNTIME"
  OpenFunction open;              // null: this build does not have it

  bool is_built() const { return open != nullptr; }
};

// In the order of preference.
std::span<const KnownRuntime> KnownRuntimes();

// kNotFound for a name that is not known, kUnsupportedOperation, saying how to build it, for a
// runtime that is not built, and what the runtime's own opening fails with.
Result<std::shared_ptr<const Runtime>> OpenRuntime(std::string_view name,
                                                   const OpenOptions& options);

}  // namespace wnn::runtimes
