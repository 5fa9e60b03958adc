#include "engine/kernels/blocked/fma_peak.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/fma_peak.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// Twelve chains hide the latency of any machine and fit 16 registers.
HWY_NOINLINE double FmaPeak(int64_t steps, float* sink) {
  constexpr int kChains = 12;
  const V a = Broadcast(0.999f), b = Broadcast(0.001f);
  V acc[kChains];
  WNN_UNROLL for (int i = 0; i < kChains; ++i) acc[i] = Broadcast(static_cast<float>(i));
  for (int64_t s = 0; s < steps; ++s) {
    WNN_UNROLL for (int i = 0; i < kChains; ++i) acc[i] = Fma(acc[i], a, b);
  }
  V sum = hn::Zero(D());
  WNN_UNROLL for (int i = 0; i < kChains; ++i) sum = hn::Add(sum, acc[i]);
  *sink = hn::GetLane(sum);
  return static_cast<double>(steps) * kChains * kLanes;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(FmaPeak);

}  // namespace

double RunFmaPeak(int64_t steps, float* sink) { return HWY_DYNAMIC_DISPATCH(FmaPeak)(steps, sink); }

}  // namespace wnn::kernels
#endif  // HWY_ONCE
