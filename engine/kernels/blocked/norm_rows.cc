#include "engine/kernels/blocked/norm_rows.h"

#include <cmath>

#include "engine/kernels/blocked/schedule.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/norm_rows.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

inline constexpr int kSums = 4;  // that a vector's additions wait for each other no longer

HWY_INLINE double Total(const V (&sums)[kSums]) {
  HWY_ALIGN float lanes[kLanes];
  double total = 0;
  for (const V& sum : sums) {
    Store(sum, lanes);
    for (float lane : lanes) total += static_cast<double>(lane);
  }
  return total;
}

HWY_INLINE double Sum(const float* x, int64_t n) {
  V sums[kSums];
  for (V& sum : sums) sum = hn::Zero(D());
  int64_t i = 0;
  for (; i + kSums * kLanes <= n; i += kSums * kLanes) {
    WNN_UNROLL for (int k = 0; k < kSums; ++k) {
      sums[k] = hn::Add(sums[k], LoadUnaligned(x + i + k * kLanes));
    }
  }
  double total = Total(sums);
  for (; i < n; ++i) total += static_cast<double>(x[i]);
  return total;
}

HWY_INLINE double SumOfSquares(const float* x, int64_t n, float mean) {
  const V shift = Broadcast(mean);
  V sums[kSums];
  for (V& sum : sums) sum = hn::Zero(D());
  int64_t i = 0;
  for (; i + kSums * kLanes <= n; i += kSums * kLanes) {
    WNN_UNROLL for (int k = 0; k < kSums; ++k) {
      const V distance = hn::Sub(LoadUnaligned(x + i + k * kLanes), shift);
      sums[k] = Fma(distance, distance, sums[k]);
    }
  }
  double total = Total(sums);
  for (; i < n; ++i) {
    const double distance = static_cast<double>(x[i]) - static_cast<double>(mean);
    total += distance * distance;
  }
  return total;
}

HWY_NOINLINE void NormRow(const NormRowsArgs& args, int64_t row) {
  const float* x = args.in + row * args.n;
  float* y = args.out + row * args.n;
  const auto n = static_cast<double>(args.n);
  const auto mean = static_cast<float>(args.centered ? Sum(x, args.n) / n : 0);
  const auto factor =
      static_cast<float>(1 / std::sqrt(SumOfSquares(x, args.n, mean) / n + args.epsilon));
  if (args.means != nullptr) args.means[row] = mean;
  if (args.inverse_deviations != nullptr) args.inverse_deviations[row] = factor;
  const V shift = Broadcast(mean), by = Broadcast(factor);
  int64_t i = 0;
  for (; i + kLanes <= args.n; i += kLanes) {
    const V normal = hn::Mul(hn::Sub(LoadUnaligned(x + i), shift), by);
    const V plus = args.bias != nullptr ? LoadUnaligned(args.bias + i) : hn::Zero(D());
    hn::StoreU(Fma(normal, LoadUnaligned(args.scale + i), plus), D(), y + i);
  }
  for (; i < args.n; ++i) {
    const float normal = (x[i] - mean) * factor;
    y[i] = normal * args.scale[i] + (args.bias != nullptr ? args.bias[i] : 0.0f);
  }
}

using NormRowFn = void (*)(const NormRowsArgs& args, int64_t row);
NormRowFn GetNormRow() { return &NormRow; }

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {

HWY_EXPORT(GetNormRow);

void NormRows(const NormRowsArgs& args, Parallel& parallel) {
  if (args.n_rows == 0 || args.n == 0) return;
  const double bytes = 4.0 * sizeof(float) * static_cast<double>(args.n_rows * args.n);
  const int64_t n_tasks = std::min(args.n_rows, CopyTaskCount(bytes, parallel.n_threads()));
  const auto norm_row = HWY_DYNAMIC_DISPATCH(GetNormRow)();
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    const Range rows = Part(args.n_rows, n_tasks, task);
    for (int64_t row = rows.begin; row < rows.end; ++row) norm_row(args, row);
  });
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
