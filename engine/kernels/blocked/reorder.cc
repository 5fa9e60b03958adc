#include "engine/kernels/blocked/reorder.h"

#include <cstring>

#include "engine/kernels/blocked/schedule.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/reorder.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "hwy/highway.h"
// clang-format on

#ifndef WNN_KERNELS_REORDER_TABLE
#define WNN_KERNELS_REORDER_TABLE
namespace wnn::kernels {

struct ReorderKernels {
  // Sixteen planes of n_pixels floats, `plane_stride` apart, to n_pixels lines of sixteen.
  void (*to_lines)(const float* planes, int64_t plane_stride, int64_t n_pixels, float* lines);
  void (*from_lines)(const float* lines, int64_t n_pixels, float* planes, int64_t plane_stride);
};

}  // namespace wnn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// 4x4 transposes, the same on every target.

// Writes the transpose of the 4x4 floats at `from` (rows `from_stride` apart) to `to`.
#if HWY_TARGET == HWY_SCALAR  // whose vectors of one lane hold no pairs
HWY_INLINE void Transpose4(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  for (int64_t row = 0; row < 4; ++row) {
    for (int64_t i = 0; i < 4; ++i) to[i * to_stride + row] = from[row * from_stride + i];
  }
}
#else
using D4 = hn::CappedTag<float, 4>;

HWY_INLINE void Transpose4(const float* from, int64_t from_stride, float* to, int64_t to_stride) {
  const D4 d;
  const hn::RepartitionToWide<D4> wide;
  const auto a = hn::LoadU(d, from), b = hn::LoadU(d, from + from_stride);
  const auto c = hn::LoadU(d, from + 2 * from_stride), e = hn::LoadU(d, from + 3 * from_stride);
  const auto ab_low = hn::BitCast(wide, hn::InterleaveLower(d, a, b));
  const auto ab_high = hn::BitCast(wide, hn::InterleaveUpper(d, a, b));
  const auto ce_low = hn::BitCast(wide, hn::InterleaveLower(d, c, e));
  const auto ce_high = hn::BitCast(wide, hn::InterleaveUpper(d, c, e));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, ab_low, ce_low)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, ab_low, ce_low)), d, to + to_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(wide, ab_high, ce_high)), d, to + 2 * to_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(wide, ab_high, ce_high)), d, to + 3 * to_stride);
}
#endif

HWY_NOINLINE void ToLines(const float* planes, int64_t plane_stride, int64_t n_pixels,
                          float* lines) {
  int64_t p = 0;
  for (; p + 4 <= n_pixels; p += 4) {
    for (int64_t c = 0; c < kBlock; c += 4) {
      Transpose4(planes + c * plane_stride + p, plane_stride, lines + p * kBlock + c, kBlock);
    }
  }
  for (; p < n_pixels; ++p) {
    for (int64_t c = 0; c < kBlock; ++c) lines[p * kBlock + c] = planes[c * plane_stride + p];
  }
}

HWY_NOINLINE void FromLines(const float* lines, int64_t n_pixels, float* planes,
                            int64_t plane_stride) {
  int64_t p = 0;
  for (; p + 4 <= n_pixels; p += 4) {
    for (int64_t c = 0; c < kBlock; c += 4) {
      Transpose4(lines + p * kBlock + c, kBlock, planes + c * plane_stride + p, plane_stride);
    }
  }
  for (; p < n_pixels; ++p) {
    for (int64_t c = 0; c < kBlock; ++c) planes[c * plane_stride + p] = lines[p * kBlock + c];
  }
}

const ReorderKernels* GetReorderKernels() {
  static constexpr ReorderKernels kKernels = {&ToLines, &FromLines};
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetReorderKernels);

// Pixels of sixteen planes that fit L1 together.
constexpr int64_t kChunkPixels = 256;

// Calls run(image, block, pixels) for every chunk of every channel block.
void ForEachChunk(int64_t batch, int64_t blocks, int64_t n_pixels, Parallel& parallel,
                  FunctionRef<void(int64_t image, int64_t block, Range pixels)> run) {
  const int64_t chunks = CeilDiv(n_pixels, kChunkPixels);
  const int64_t n_units = batch * blocks * chunks;
  if (n_units == 0) return;
  const double bytes =
      2.0 * static_cast<double>(batch * blocks * n_pixels) * kBlock * sizeof(float);
  const int64_t n_tasks = std::min(n_units, CopyTaskCount(bytes, parallel.n_threads()));
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    const Range units = Part(n_units, n_tasks, task);
    for (int64_t unit = units.begin; unit < units.end; ++unit) {
      const int64_t map = unit / chunks;
      const int64_t begin = unit % chunks * kChunkPixels;
      run(map / blocks, map % blocks, {begin, std::min(n_pixels, begin + kChunkPixels)});
    }
  });
}

}  // namespace

void ToBlocked(const float* in, int64_t batch, int64_t channels, int64_t n_pixels,
               const BlockedOut& out, Parallel& parallel) {
  const ReorderKernels& kernels = *HWY_DYNAMIC_DISPATCH(GetReorderKernels)();
  ForEachChunk(batch, BlockCount(channels), n_pixels, parallel,
               [&](int64_t image, int64_t block, Range pixels) {
                 const float* planes =
                     in + (image * channels + block * kBlock) * n_pixels + pixels.begin;
                 float* lines = out.data + image * out.batch_stride +
                                (block * n_pixels + pixels.begin) * kBlock;
                 const int64_t live = channels - block * kBlock;
                 if (live >= kBlock) {
                   kernels.to_lines(planes, n_pixels, pixels.size(), lines);
                   return;
                 }
                 std::memset(lines, 0, static_cast<size_t>(pixels.size() * kBlock) * sizeof(float));
                 for (int64_t c = 0; c < live; ++c) {
                   for (int64_t p = 0; p < pixels.size(); ++p) {
                     lines[p * kBlock + c] = planes[c * n_pixels + p];
                   }
                 }
               });
}

void FromBlocked(const BlockedIn& in, int64_t batch, int64_t channels, int64_t n_pixels, float* out,
                 Parallel& parallel) {
  const ReorderKernels& kernels = *HWY_DYNAMIC_DISPATCH(GetReorderKernels)();
  ForEachChunk(batch, BlockCount(channels), n_pixels, parallel,
               [&](int64_t image, int64_t block, Range pixels) {
                 const float* lines =
                     in.data + image * in.batch_stride + (block * n_pixels + pixels.begin) * kBlock;
                 float* planes =
                     out + (image * channels + block * kBlock) * n_pixels + pixels.begin;
                 const int64_t live = channels - block * kBlock;
                 if (live >= kBlock) {
                   kernels.from_lines(lines, pixels.size(), planes, n_pixels);
                   return;
                 }
                 for (int64_t c = 0; c < live; ++c) {
                   for (int64_t p = 0; p < pixels.size(); ++p) {
                     planes[c * n_pixels + p] = lines[p * kBlock + c];
                   }
                 }
               });
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
