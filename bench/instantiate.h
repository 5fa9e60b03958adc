// How soon a guest can begin: compiling it, finding it compiled, instantiating it.
#pragma once

#include <filesystem>
#include <string>

#include "bench/stats.h"
#include "bench/ways.h"
#include "engine/base/status.h"

namespace wnn::bench {

inline constexpr nanoseconds kInstantiateTarget = std::chrono::milliseconds(2);

struct Instantiation {
  std::string guest;    // the file's stem
  Summary compile;      // without any cache
  Summary cached;       // out of Wasmtime's cache on disk
  Summary deserialize;  // out of a precompiled file
  Summary instantiate;  // store, WASI, WASI-NN, memories, instance

  bool WithinTarget() const { return cached.min + instantiate.min <= kInstantiateTarget; }
};

// kNotFound if there is no such file.
Result<Instantiation> TimeInstantiation(const std::filesystem::path& guest,
                                        const RuntimePtr& runtime);

}  // namespace wnn::bench
