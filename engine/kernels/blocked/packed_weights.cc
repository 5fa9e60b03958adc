#include "engine/kernels/blocked/packed_weights.h"

#include <cstring>

#include "engine/base/checked_math.h"
#include "engine/base/stop_check.h"

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

Result<AlignedBuffer> AllocateZeroed(size_t size_bytes, Parallel& stop) {
  WNN_ASSIGN_OR_RETURN(AlignedBuffer buffer, AlignedBuffer::Allocate(size_bytes));
  InSteps(stop, static_cast<int64_t>(size_bytes), [&](int64_t begin, int64_t end) {
    std::memset(buffer.data() + begin, 0, static_cast<size_t>(end - begin));
  });
  return buffer;
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

namespace {

// The panels of this width, their offsets for one tap.
std::vector<WeightPanel> LayOutPanels(const PackedWeights::Sizes& sizes, int width) {
  const int64_t group_channels = sizes.out_channels / sizes.groups;
  // Groups of whole output blocks have panels of their own.
  const int64_t n_runs = group_channels % kBlock == 0 ? sizes.groups : 1;
  const int64_t run_channels = sizes.out_channels / n_runs;
  std::vector<WeightPanel> panels;
  int64_t offset = 0;
  for (int64_t run = 0; run < n_runs; ++run) {
    int64_t block = 0;
    for (int blocks : PanelWidths(BlockCount(run_channels), width)) {
      const int64_t first = run * run_channels + block * kBlock;
      const int64_t last = std::min(first + blocks * kBlock, (run + 1) * run_channels) - 1;
      const int64_t first_input_block = first / group_channels * sizes.in_channels / kBlock;
      const int64_t end_input = (last / group_channels + 1) * sizes.in_channels;
      panels.push_back({.offset = offset,
                        .first_block = run * BlockCount(run_channels) + block,
                        .first_input_block = first_input_block,
                        .channels = end_input - first_input_block * kBlock,
                        .blocks = blocks});
      offset += panels.back().channels * blocks * kBlock;
      block += blocks;
    }
  }
  return panels;
}

int64_t SizeOf(const std::vector<WeightPanel>& panels) {
  const WeightPanel& last = panels.back();
  return last.offset + last.channels * last.blocks * kBlock;
}

// Of the width that suits the tile best, unless panels of one block, which straddle fewer groups,
// save more than a narrower tile costs.
std::vector<WeightPanel> ChoosePanels(const PackedWeights::Sizes& sizes, int preferred) {
  std::vector<WeightPanel> panels = LayOutPanels(sizes, preferred);
  if (sizes.groups == 1 || preferred == 1) return panels;
  std::vector<WeightPanel> narrow = LayOutPanels(sizes, 1);
  constexpr double kNarrowCost = 1.25;
  const bool pays = static_cast<double>(SizeOf(narrow)) * kNarrowCost < SizeOf(panels);
  return pays ? narrow : panels;
}

}  // namespace

Result<PackedWeights> PackedWeights::Create(const TileKernels& kernels, const Sizes& sizes,
                                            std::span<const float> bias, Source source,
                                            Parallel& stop) {
  PackedWeights packed;
  packed.taps_ = sizes.taps;
  packed.panels_ = ChoosePanels(sizes, kernels.conv_panel_blocks);
  const int64_t blocks = packed.panels_.back().first_block + packed.panels_.back().blocks;
  WNN_ASSIGN_OR_RETURN(const size_t weight_bytes, FloatBytes({SizeOf(packed.panels_), sizes.taps}));
  WNN_ASSIGN_OR_RETURN(const size_t bias_bytes, FloatBytes({blocks, kBlock}));
  WNN_ASSIGN_OR_RETURN(packed.weights_, AllocateZeroed(weight_bytes, stop));
  WNN_ASSIGN_OR_RETURN(packed.bias_, AllocateZeroed(bias_bytes, stop));
  if (!bias.empty()) std::memcpy(packed.bias_.data(), bias.data(), bias.size_bytes());

  const int64_t group_channels = sizes.out_channels / sizes.groups;
  std::vector<float> taps(static_cast<size_t>(sizes.taps));
  StopCheck check(stop);
  for (WeightPanel& panel : packed.panels_) {
    panel.offset *= sizes.taps;
    packed.max_channels_ = std::max(packed.max_channels_, panel.channels);
    float* const to = reinterpret_cast<float*>(packed.weights_.data()) + panel.offset;
    const int64_t width = panel.blocks * kBlock;
    const int64_t first = panel.first_block * kBlock;
    const int64_t live = std::min(width, sizes.out_channels - first);
    for (int64_t n = 0; n < live; ++n) {
      const int64_t row =
          (first + n) / group_channels * sizes.in_channels - panel.first_input_block * kBlock;
      for (int64_t k = 0; k < sizes.in_channels; ++k) {
        if (check.Stopped(10 + 4 * sizes.taps)) return packed;
        source(first + n, k, taps.data());
        float* at = to + (row + k) * width + n;
        for (float tap : taps) {
          *at = tap;
          at += panel.channels * width;
        }
      }
    }
  }
  return packed;
}

}  // namespace wnn::kernels
