// How soon a guest can begin: compiling it, finding it compiled, instantiating it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/stats.h"
#include "bench/ways.h"
#include "engine/base/status.h"

namespace wnn::bench {

inline constexpr nanoseconds kInstantiateTarget = std::chrono::milliseconds(2);

// Instances that live at once.
struct Instances {
  size_t n = 0;
  double per_second = 0;   // of the fastest of some rounds
  int64_t bytes_each = 0;  // resident, of the same round
};

struct Instantiation {
  std::string guest;                 // the file's stem
  Summary compile;                   // without any cache
  Summary cached;                    // out of Wasmtime's cache on disk
  Summary deserialize;               // out of a precompiled file
  Summary instantiate;               // store, WASI, WASI-NN, memories, instance
  Summary instantiate_pooled;        // the same out of a pool, imports resolved before
  std::vector<Instances> instances;  // 1 to 1,000 of them
  std::vector<Instances> pooled;     // the same out of a pool, imports resolved before

  bool WithinTarget() const { return cached.min + instantiate.min <= kInstantiateTarget; }
};

// kNotFound if there is no such file.
Result<Instantiation> TimeInstantiation(const std::filesystem::path& guest,
                                        const RuntimePtr& runtime);

}  // namespace wnn::bench
