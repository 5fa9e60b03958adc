// Which runtimes and which ways of calling them the benchmark knows.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/subject.h"
#include "engine/base/status.h"
#include "host/runtimes/runtime.h"
#include "host/wasm/engine.h"

namespace wnn::bench {

using RuntimePtr = std::shared_ptr<const runtimes::Runtime>;

// What is left out, and why.
struct Skipped {
  std::string what;
  std::string reason;
};

struct Runtimes {
  std::vector<RuntimePtr> available;
  std::vector<Skipped> skipped;
};

// The runtimes with these names. A runtime that this machine does not have is skipped; a name that
// nobody knows is kInvalidArgument. `onnxruntime_path`: as --onnxruntime of the command line.
Result<Runtimes> OpenRuntimes(std::span<const std::string> names,
                              const std::string& onnxruntime_path);

struct Setting {
  wasm::Engine& engine;  // for the ways that go through WebAssembly
  RuntimePtr runtime;
  std::span<const std::byte> model;
};

// A way to run a model: its name in the report, and how to make a subject of it.
struct Way {
  std::string_view path;
  Result<std::unique_ptr<Subject>> (*make)(SubjectId id, const Setting& setting);
};

// In the order in which they are measured and reported.
std::span<const Way> Ways();

}  // namespace wnn::bench
