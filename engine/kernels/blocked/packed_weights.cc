#include "engine/kernels/blocked/packed_weights.h"

#include <cstring>

#include "engine/base/checked_math.h"

namespace wnn::kernels {

Result<size_t> FloatBytes(std::initializer_list<int64_t> factors) {
  int64_t bytes = sizeof(float);
  for (int64_t factor : factors) {
    const auto product = CheckedMul(bytes, factor);
    // Half of the address space is the most that pointer differences can express.
    if (factor < 0 || !product || static_cast<uint64_t>(*product) > SIZE_MAX / 2) {
      return TooLarge("the sizes of a kernel's memory overflow; reduce the tensor's dimensions");
    }
    bytes = *product;
  }
  return static_cast<size_t>(bytes);
}

std::vector<int> PanelWidths(int64_t blocks, int preferred) {
  std::vector<int> widths;
  while (blocks > 0) {
    int width = static_cast<int>(std::min<int64_t>(blocks, preferred));
    if (preferred > 1 && preferred < kMaxTileBlocks && blocks == preferred + 1)
      width = preferred + 1;
    widths.push_back(width);
    blocks -= width;
  }
  return widths;
}

Result<PackedWeights> PackedWeights::Create(const TileKernels& kernels, const Sizes& sizes,
                                            std::span<const float> bias, Source source) {
  PackedWeights packed;
  packed.channels_ = sizes.in_channels;
  packed.taps_ = sizes.taps;
  const int64_t group_channels = sizes.out_channels / sizes.groups;
  const int64_t group_blocks = BlockCount(group_channels);
  const int64_t blocks = group_blocks * sizes.groups;
  WNN_ASSIGN_OR_RETURN(const size_t weight_bytes,
                       FloatBytes({blocks, kBlock, sizes.in_channels, sizes.taps}));
  WNN_ASSIGN_OR_RETURN(const size_t bias_bytes, FloatBytes({blocks, kBlock}));
  WNN_ASSIGN_OR_RETURN(packed.weights_, AlignedBuffer::AllocateZeroed(weight_bytes));
  WNN_ASSIGN_OR_RETURN(packed.bias_, AlignedBuffer::AllocateZeroed(bias_bytes));
  if (!bias.empty()) std::memcpy(packed.bias_.data(), bias.data(), bias.size_bytes());

  std::vector<float> taps(static_cast<size_t>(sizes.taps));
  float* const to = reinterpret_cast<float*>(packed.weights_.data());
  int64_t offset = 0;
  for (int64_t group = 0; group < sizes.groups; ++group) {
    int64_t block = 0;
    for (int width : PanelWidths(group_blocks, kernels.conv_panel_blocks)) {
      const int64_t panel_channels = width * kBlock;
      const int64_t first = block * kBlock;
      const int64_t live = std::min(panel_channels, group_channels - first);
      for (int64_t n = 0; n < live; ++n) {
        const int64_t out = group * group_channels + first + n;
        for (int64_t k = 0; k < sizes.in_channels; ++k) {
          source(out, k, taps.data());
          float* at = to + offset + k * panel_channels + n;
          for (float tap : taps) {
            *at = tap;
            at += sizes.in_channels * panel_channels;
          }
        }
      }
      packed.panels_.push_back({.offset = offset,
                                .first_block = group * group_blocks + block,
                                .first_input_block = group * (sizes.in_channels / kBlock),
                                .blocks = width});
      offset += panel_channels * sizes.in_channels * sizes.taps;
      block += width;
    }
  }
  return packed;
}

}  // namespace wnn::kernels
