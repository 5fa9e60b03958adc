#include "bench/stats.h"

#include <algorithm>

namespace wnn::bench {

Summary Summarize(std::vector<nanoseconds> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const size_t middle = samples.size() / 2;
  const bool is_even = samples.size() % 2 == 0;
  return {.min = samples.front(),
          .median = is_even ? (samples[middle - 1] + samples[middle]) / 2 : samples[middle],
          .runs = samples.size()};
}

Summary Summarize(std::span<const PhaseTimes> runs, Phase phase) {
  std::vector<nanoseconds> samples;
  samples.reserve(runs.size());
  for (const PhaseTimes& run : runs) samples.push_back(run[phase]);
  return Summarize(std::move(samples));
}

}  // namespace wnn::bench
