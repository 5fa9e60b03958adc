#include "engine/kernels/blocked/shuffle.h"

#include "engine/kernels/blocked/schedule.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/shuffle.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
// clang-format on

#ifndef WNN_KERNELS_SHUFFLE_TABLE
#define WNN_KERNELS_SHUFFLE_TABLE
namespace wnn::kernels {

// Lane l of pixel p of a block is the float at in + offsets[l] + p * 16.
using GatherLanesFn = void (*)(const float* in, const int32_t* offsets, int64_t n_pixels,
                               float* out);

}  // namespace wnn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

HWY_NOINLINE void GatherLanes(const float* in, const int32_t* offsets, int64_t n_pixels,
                              float* out) {
  const hn::RebindToSigned<D> indices;
  hn::Vec<decltype(indices)> from[kVecs];
  WNN_UNROLL for (int v = 0; v < kVecs; ++v) from[v] = hn::Load(indices, offsets + v * kLanes);
  for (int64_t p = 0; p < n_pixels; ++p, in += kBlock, out += kBlock) {
    WNN_UNROLL for (int v = 0; v < kVecs; ++v) {
      Store(hn::GatherIndex(D(), in, from[v]), out + v * kLanes);
    }
  }
}

GatherLanesFn GetGatherLanes() { return &GatherLanes; }

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetGatherLanes);

// Offsets from the map's first pixel of what block `block` of the output takes in.
void SourceOffsets(const ShuffleParams& params, int64_t block, int64_t (&offsets)[kBlock]) {
  // Lanes past the last channel exist in the input too: its last lane is one of them.
  const int64_t padding = BlockCount(params.channels) * kBlock - 1;
  for (int64_t lane = 0; lane < kBlock; ++lane) {
    const int64_t channel = block * kBlock + lane;
    const int64_t source = channel < params.channels ? ShuffleSource(params, channel) : padding;
    offsets[lane] = source / kBlock * params.n_pixels * kBlock + source % kBlock;
  }
}

void ShuffleBlock(const float* in, const int64_t (&offsets)[kBlock], int64_t n_pixels,
                  GatherLanesFn gather, float* out) {
  alignas(64) int32_t indices[kBlock];
  bool fit = true;
  for (int64_t lane = 0; lane < kBlock; ++lane) {
    fit = fit && offsets[lane] <= INT32_MAX;
    indices[lane] = static_cast<int32_t>(offsets[lane]);
  }
  if (fit) {
    gather(in, indices, n_pixels, out);
    return;
  }
  for (int64_t p = 0; p < n_pixels; ++p) {
    for (int64_t lane = 0; lane < kBlock; ++lane) {
      out[p * kBlock + lane] = in[offsets[lane] + p * kBlock];
    }
  }
}

}  // namespace

void ShuffleChannels(const ShuffleParams& params, const BlockedIn& in, const BlockedOut& out,
                     Parallel& parallel) {
  const GatherLanesFn gather = HWY_DYNAMIC_DISPATCH(GetGatherLanes)();
  const int64_t blocks = BlockCount(params.channels);
  const int64_t n_maps = params.batch * blocks;
  const double bytes = 4.0 * static_cast<double>(n_maps * params.n_pixels * kBlock) * sizeof(float);
  const int64_t n_tasks = std::min(n_maps, CopyTaskCount(bytes, parallel.n_threads()));
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    const Range maps = Part(n_maps, n_tasks, task);
    for (int64_t map = maps.begin; map < maps.end; ++map) {
      int64_t offsets[kBlock];
      SourceOffsets(params, map % blocks, offsets);
      const int64_t image = map / blocks;
      ShuffleBlock(in.data + image * in.batch_stride, offsets, params.n_pixels, gather,
                   out.data + image * out.batch_stride + map % blocks * params.n_pixels * kBlock);
    }
  });
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
