// Random numbers by counter: number i of a stream is a function of its key and i, so that any part
// of a tensor can be drawn by any thread.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>

namespace wnn::kernels {

class RandomStream {
 public:
  explicit RandomStream(uint64_t key) : key_(Mix(key + kStep)) {}

  // 64 uniform bits: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
  // generators", 2014).
  uint64_t Bits(uint64_t i) const { return Mix(key_ + (i + 1) * kStep); }
  // In [0, 1).
  double Uniform(uint64_t i) const { return static_cast<double>(Bits(i) >> 11) * 0x1p-53; }
  // Mean 0, variance 1, by Box and Muller's transform of numbers 2i and 2i + 1.
  double Normal(uint64_t i) const {
    const double radius = std::sqrt(-2 * std::log1p(-Uniform(2 * i)));
    return radius * std::cos(2 * std::numbers::pi * Uniform(2 * i + 1));
  }

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15u;
  static uint64_t Mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }

  const uint64_t key_;
};

}  // namespace wnn::kernels
