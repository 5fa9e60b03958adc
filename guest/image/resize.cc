#include "guest/image/resize.h"

#include <algorithm>
#include <cmath>

namespace wnn::image {
namespace {

constexpr int kChannels = 3;
// Weights in fixed point: 8 bits of pixel, 22 of weight and 2 of headroom fill an int.
constexpr int kWeightBits = 32 - 8 - 2;
constexpr int kHalf = 1 << (kWeightBits - 1);

// Which source pixels make one destination pixel, along one axis.
struct Taps {
  int first = 0;
  std::vector<int> weights;  // fixed point
};

std::vector<Taps> TriangleTaps(int source_size, int size) {
  const double scale = static_cast<double>(source_size) / size;
  const double support = std::max(scale, 1.0);
  std::vector<Taps> all(static_cast<std::size_t>(size));
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
    Taps& taps = all[static_cast<std::size_t>(i)];
    taps.first = first;
    for (const double weight : weights) {
      taps.weights.push_back(static_cast<int>(0.5 + weight / sum * (1 << kWeightBits)));
    }
  }
  return all;
}

std::uint8_t ToPixel(int sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kWeightBits, 0, 255));
}

void ResizeRow(const std::uint8_t* source, const std::vector<Taps>& columns, std::uint8_t* out) {
  for (const Taps& taps : columns) {
    const std::uint8_t* pixel = source + std::ptrdiff_t{kChannels} * taps.first;
    int red = kHalf, green = kHalf, blue = kHalf;
    for (const int weight : taps.weights) {
      red += pixel[0] * weight;
      green += pixel[1] * weight;
      blue += pixel[2] * weight;
      pixel += kChannels;
    }
    out[0] = ToPixel(red);
    out[1] = ToPixel(green);
    out[2] = ToPixel(blue);
    out += kChannels;
  }
}

}  // namespace

Image Resize(const Image& source, int width, int height) {
  const std::size_t source_stride = std::size_t{kChannels} * source.width;
  const std::size_t stride = std::size_t{kChannels} * width;

  const std::vector<Taps> columns = TriangleTaps(source.width, width);
  std::vector<std::uint8_t> narrow(stride * source.height);
  for (int y = 0; y < source.height; ++y) {
    ResizeRow(source.rgb.data() + source_stride * y, columns, narrow.data() + stride * y);
  }

  // Whole rows at a time, so that the compiler vectorises over a row.
  Image result{width, height, std::vector<std::uint8_t>(stride * height)};
  std::vector<int> sums(stride);
  std::uint8_t* out = result.rgb.data();
  for (const Taps& taps : TriangleTaps(source.height, height)) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const std::uint8_t* row = narrow.data() + stride * taps.first;
    for (const int weight : taps.weights) {
      for (std::size_t i = 0; i < stride; ++i) sums[i] += row[i] * weight;
      row += stride;
    }
    for (std::size_t i = 0; i < stride; ++i) out[i] = ToPixel(sums[i]);
    out += stride;
  }
  return result;
}

}  // namespace wnn::image
