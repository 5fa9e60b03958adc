// Which runtimes and which ways of running a model the benchmark knows.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/model_data.h"
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

// A way to run a model: its names in the report, and how to make a subject of it.
struct Way {
  std::string runtime;
  std::string path;
  runtimes::Target target = runtimes::Target::kCpu;
  int max_threads = 1024;  // with more it is left out
  bool optional = false;   // left out when it cannot load a model, instead of a failure
  std::function<Result<std::unique_ptr<Subject>>(SubjectId id, const ModelData& model)> make;
};

struct WaysOptions {
  std::vector<RuntimePtr> runtimes;
  std::filesystem::path guests;  // where infer-pure-*.wasm are; empty: no pure WebAssembly
  // Names and programs of other libraries (bench/outside/).
  std::vector<std::pair<std::string, std::filesystem::path>> outside;
};

struct Ways {
  std::vector<Way> all;  // in the order in which they are measured and reported
  std::vector<Skipped> skipped;
};

// Native calls, other libraries, WASI-NN by both ABIs, pure WebAssembly, and the GPU where a
// runtime has one. Lifetime: `engine` outlives the ways.
Ways FindWays(const WaysOptions& options, wasm::Engine& engine);

}  // namespace wnn::bench
