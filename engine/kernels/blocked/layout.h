// The blocked layout NCHW16c and the words that the blocked kernels share.
//
// A feature map of C channels is [batch][ceil(C/16)][height * width][16] floats, 64-byte aligned: a
// pixel of one channel block is one cache line, whatever the instruction set. Lanes past C in the
// last block belong to the layout, not to the value: kernels write something finite there (zeros
// in, zeros out, except where a clamp excludes zero) and never let them reach a real channel.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace wnn::kernels {

inline constexpr int64_t kBlock = 16;

// Channel blocks that hold `channels`.
constexpr int64_t BlockCount(int64_t channels) { return (channels + kBlock - 1) / kBlock; }

// Floats of one image.
constexpr int64_t BlockedSize(int64_t channels, int64_t height, int64_t width) {
  return BlockCount(channels) * height * width * kBlock;
}

// What is done to every result before it is stored: Relu is {0, inf}, Relu6 {0, 6}. A NaN stays
// NaN.
struct Clamp {
  float min = -std::numeric_limits<float>::infinity();
  float max = std::numeric_limits<float>::infinity();
};

// Where a blocked feature map lies. `batch_stride` is the distance in floats between images: larger
// than the map itself when the map is a slice of channel blocks of a larger one (Concat, Split).
struct BlockedIn {
  const float* data = nullptr;
  int64_t batch_stride = 0;
};
struct BlockedOut {
  float* data = nullptr;
  int64_t batch_stride = 0;
};

}  // namespace wnn::kernels
