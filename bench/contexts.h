// What execution contexts cost in memory: many on one graph share its weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/model_data.h"
#include "bench/ways.h"
#include "engine/base/status.h"

namespace wnn::bench {

inline constexpr size_t kManyContexts = 1000;
inline constexpr size_t kUsedContexts = 20;

struct ContextMemory {
  std::string model;
  std::string runtime;
  size_t model_bytes = 0;   // of the file
  int64_t graph_bytes = 0;  // resident after loading and computing once in one context
  // Resident bytes that kManyContexts took together, and what each of kUsedContexts took more when
  // it computed: its own tensors.
  int64_t many_bytes = 0;
  int64_t used_bytes_each = 0;
  std::string problem;  // empty unless it failed

  // Whether a thousand contexts took less than one more copy of the model.
  bool WithinTarget() const {
    return problem.empty() && many_bytes < static_cast<int64_t>(model_bytes);
  }
};

// For each runtime, on one thread, with the first case of `data` as the input.
std::vector<ContextMemory> MeasureContexts(const ModelData& data,
                                           std::span<const RuntimePtr> runtimes);

}  // namespace wnn::bench
