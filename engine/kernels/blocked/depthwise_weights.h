// The weights of a depthwise convolution: [channel block][tap][16], and biases [channel block][16].
#pragma once

#include <cstring>
#include <span>

#include "engine/base/aligned_buffer.h"
#include "engine/base/status.h"
#include "engine/base/stop_check.h"
#include "engine/kernels/blocked/packed_weights.h"

namespace wnn::kernels {

// Move-only; immutable, so threads share it freely.
class DepthwiseWeights {
 public:
  // `weights` is [channels][taps], `bias` [channels] or empty. `stop` as PackedWeights::Create.
  static Result<DepthwiseWeights> Create(int64_t channels, int64_t taps,
                                         std::span<const float> weights,
                                         std::span<const float> bias, Parallel& stop) {
    DepthwiseWeights packed;
    packed.taps_ = taps;
    const int64_t blocks = BlockCount(channels);
    WNN_ASSIGN_OR_RETURN(const size_t bytes, FloatBytes({blocks, kBlock, taps + 1}));
    WNN_ASSIGN_OR_RETURN(packed.data_, AllocateZeroed(bytes, stop));
    auto* to = reinterpret_cast<float*>(packed.data_.data());
    StopCheck check(stop);
    for (int64_t c = 0; c < channels; ++c) {
      if (check.Stopped(4 + 4 * taps)) return packed;
      for (int64_t t = 0; t < taps; ++t) {
        to[(c / kBlock * taps + t) * kBlock + c % kBlock] =
            weights[static_cast<size_t>(c * taps + t)];
      }
    }
    packed.bias_offset_ = blocks * taps * kBlock;
    if (!bias.empty()) std::memcpy(to + packed.bias_offset_, bias.data(), bias.size_bytes());
    return packed;
  }

  const float* weights(int64_t block) const { return data() + block * taps_ * kBlock; }
  const float* bias(int64_t block) const { return data() + bias_offset_ + block * kBlock; }
  size_t size_bytes() const { return data_.size(); }

 private:
  const float* data() const { return reinterpret_cast<const float*>(data_.data()); }

  AlignedBuffer data_;
  int64_t taps_ = 0;
  int64_t bias_offset_ = 0;
};

}  // namespace wnn::kernels
