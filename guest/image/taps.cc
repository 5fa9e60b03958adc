#include "guest/image/taps.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace wnn::image {
namespace {

std::uint32_t Join(int first, int second) {
  return static_cast<std::uint32_t>(first) | static_cast<std::uint32_t>(second) << 16;
}

WeightPair Pair(int first, int second) {
  constexpr int kLowMask = (1 << kLowBits) - 1;
  return {Join(first >> kLowBits, second >> kLowBits), Join(first & kLowMask, second & kLowMask)};
}

}  // namespace

Filter TriangleFilter(int source_size, int size) {
  const double scale = static_cast<double>(source_size) / size;
  const double support = std::max(scale, 1.0);
  Filter filter;
  filter.taps.reserve(static_cast<std::size_t>(size));
  std::vector<double> weights;
  for (int i = 0; i < size; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int last = std::min(static_cast<int>(center + support + 0.5), source_size);
    weights.clear();
    double sum = 0;
    for (int x = first; x < last; ++x) {
      const double distance = std::abs((x - center + 0.5) / support);
      weights.push_back(std::max(1.0 - distance, 0.0));
      sum += weights.back();
    }
    filter.taps.push_back({first, last - first, static_cast<int>(filter.weights.size()),
                           static_cast<int>(filter.pairs.size())});
    for (const double weight : weights) {
      filter.weights.push_back(static_cast<int>(0.5 + weight / sum * (1 << kWeightBits)));
    }
    const int* fixed = filter.weights.data() + filter.taps.back().first_weight;
    for (int t = 0; t < last - first; t += 2) {
      filter.pairs.push_back(Pair(fixed[t], t + 1 < last - first ? fixed[t + 1] : 0));
    }
  }
  return filter;
}

}  // namespace wnn::image
