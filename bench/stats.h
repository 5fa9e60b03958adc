// Many durations in two numbers.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "bench/phases.h"

namespace wnn::bench {

struct Summary {
  nanoseconds min{};
  nanoseconds median{};  // of an even number: the mean of the middle two
  size_t runs = 0;
};

// All zero for no samples.
Summary Summarize(std::vector<nanoseconds> samples);

// The summary of one phase of many runs.
Summary Summarize(std::span<const PhaseTimes> runs, Phase phase);

inline double Milliseconds(nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }
inline double Microseconds(nanoseconds time) { return static_cast<double>(time.count()) / 1e3; }

}  // namespace wnn::bench
