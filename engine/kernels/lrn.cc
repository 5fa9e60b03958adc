#include "engine/kernels/lrn.h"

#include <cmath>
#include <cstring>

#include "engine/kernels/blocked/schedule.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/lrn.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
// clang-format on

#ifndef WNN_KERNELS_LRN_MEMORY
#define WNN_KERNELS_LRN_MEMORY
namespace wnn::kernels {

// A pixel's squares lie behind enough zeros for the windows of the first channels, and before
// enough for those of the last.
inline int64_t LrnZerosBefore(const LrnParams& p) { return RoundUp((p.size - 1) / 2, kBlock); }
inline int64_t LrnZerosAfter(const LrnParams& p) { return RoundUp(p.size / 2, kBlock); }

}  // namespace wnn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// x / scale ^ beta. The exponents of known networks need square roots alone.
HWY_INLINE V DividePower(V x, V scale, float beta) {
  if (beta == 0.75f) {
    const V root = hn::Sqrt(scale);
    return hn::Div(x, hn::Mul(root, hn::Sqrt(root)));
  }
  if (beta == 0.5f) return hn::Div(x, hn::Sqrt(scale));
  HWY_ALIGN float lanes[kLanes];
  Store(scale, lanes);
  for (float& lane : lanes) lane = std::pow(lane, beta);
  return hn::Div(x, Load(lanes));
}

// Pixels [begin, end) of one image. `squares` are the pixel's, behind the zeros.
void LrnPixels(const LrnParams& p, const float* in, float* out, int64_t begin, int64_t end,
               float* squares) {
  const int64_t block_stride = p.n_pixels * kBlock;
  const int64_t before = (p.size - 1) / 2, after = p.size / 2;
  const V bias = Broadcast(p.bias);
  const V factor = Broadcast(p.alpha / static_cast<float>(p.size));
  const int64_t lanes = RoundUp(p.channels, kBlock);
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const float* from = in + pixel * kBlock;
    float* to = out + pixel * kBlock;
    for (int64_t c = 0; c < lanes; c += kLanes) {
      const V x = Load(from + c / kBlock * block_stride + c % kBlock);
      Store(hn::Mul(x, x), squares + c);
    }
    for (int64_t c = p.channels; c < lanes; ++c) squares[c] = 0;
    for (int64_t c = 0; c < lanes; c += kLanes) {
      V sum = LoadUnaligned(squares + c - before);
      for (int64_t i = 1 - before; i <= after; ++i) {
        sum = hn::Add(sum, LoadUnaligned(squares + c + i));
      }
      const int64_t at = c / kBlock * block_stride + c % kBlock;
      Store(DividePower(Load(from + at), Fma(factor, sum, bias), p.beta), to + at);
    }
  }
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(LrnPixels);

}  // namespace

int64_t LrnThreadFloats(const LrnParams& p) {
  return LrnZerosBefore(p) + RoundUp(p.channels, kBlock) + LrnZerosAfter(p);
}

void Lrn(const LrnParams& p, const BlockedIn& in, const BlockedOut& out, float* scratch,
         Parallel& parallel) {
  const int64_t thread_floats = LrnThreadFloats(p);
  std::memset(scratch, 0,
              static_cast<size_t>(thread_floats * parallel.n_threads()) * sizeof(float));
  const double work =
      static_cast<double>(p.batch * p.n_pixels * p.channels) * static_cast<double>(p.size + 8);
  const int64_t n_pixels = p.batch * p.n_pixels;
  const int64_t n_tasks = std::min(n_pixels, TaskCount(work, parallel.n_threads()));
  const auto pixels = HWY_DYNAMIC_DISPATCH(LrnPixels);
  ForEachTask(parallel, n_tasks, [&](int64_t task, int thread) {
    Range range = Part(n_pixels, n_tasks, task);
    while (range.begin < range.end) {
      const int64_t image = range.begin / p.n_pixels, first = range.begin % p.n_pixels;
      const int64_t n = std::min(range.size(), p.n_pixels - first);
      pixels(p, in.data + image * in.batch_stride, out.data + image * out.batch_stride, first,
             first + n, scratch + thread * thread_floats + LrnZerosBefore(p));
      range.begin += n;
    }
  });
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
