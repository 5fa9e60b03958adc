// The weights of the triangle filter, in the form that the kernels of resize.cc take. Private to
// this folder.
#pragma once

#include <cstdint>
#include <vector>

namespace wnn::image {

// Weights in fixed point: 8 bits of pixel, 22 of weight and 2 of headroom fill an int.
inline constexpr int kWeightBits = 32 - 8 - 2;
inline constexpr int kHalf = 1 << (kWeightBits - 1);
// The low part of a weight; the high part has as many bits and one more. Both fit 16 bits with a
// sign, which is what SIMD multiplies fastest.
inline constexpr int kLowBits = kWeightBits / 2;

// Which source pixels make one destination pixel, along one axis.
struct Taps {
  int first = 0;
  int n = 0;             // of them
  int first_weight = 0;  // in Filter::weights
  int first_pair = 0;    // in Filter::pairs
};

// Two weights, each in two parts, as one word a part: that of the first tap in the low half. A tap
// that there is not weighs nothing.
struct WeightPair {
  std::uint32_t high;
  std::uint32_t low;
};

struct Filter {
  std::vector<Taps> taps;  // by destination pixel
  std::vector<int> weights;
  std::vector<WeightPair> pairs;
};

// A triangle that widens when shrinking. REQUIRES: sizes > 0
Filter TriangleFilter(int source_size, int size);

}  // namespace wnn::image
