#include "engine/kernels/blocked/gemm_rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/gemm_rows.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
#include "engine/kernels/blocked/tile-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// Vectors of weights that a pass covers: as wide as registers allow, for sequential reading.
#if HWY_TARGET <= HWY_AVX3
template <int kRows>
inline constexpr int kRowsWidth = 4;
#elif HWY_ARCH_ARM_A64
template <int kRows>
inline constexpr int kRowsWidth = kRows == 1   ? 16
                                  : kRows == 2 ? 8
                                               : 4;
#elif HWY_ARCH_WASM
template <int kRows>
inline constexpr int kRowsWidth = kRows <= 2 ? 4 : 2;
#else
template <int kRows>
inline constexpr int kRowsWidth = kRows == 1   ? 8
                                  : kRows == 2 ? 4
                                               : 2;
#endif

template <int kRows, int kCols>
HWY_INLINE void RowsStep(const GemmRowsArgs& args, int64_t k, const float* HWY_RESTRICT w,
                         V (&acc)[kRows][kCols]) {
  V row[kCols];
  WNN_UNROLL for (int n = 0; n < kCols; ++n) row[n] = Load(w + n * kLanes);
  WNN_UNROLL for (int m = 0; m < kRows; ++m) {
    const V a = Broadcast(args.a[m * args.lda + k]);
    WNN_UNROLL for (int n = 0; n < kCols; ++n) acc[m][n] = Fma(a, row[n], acc[m][n]);
  }
}

// Vectors [first, first + kCols). Even and odd steps have their own accumulators: few rows alone
// would wait for the latency of each addition.
template <int kRows, int kCols>
HWY_INLINE void RowsStrip(const GemmRowsArgs& args, int first) {
  const int64_t weight_stride = args.blocks * kBlock;
  V total[kRows][kCols];
  ZeroAll(total);
  const float* HWY_RESTRICT w = args.weights + first * kLanes;
  for (int64_t begin = 0; begin < args.k; begin += kFlushSteps) {
    const int64_t end = HWY_MIN(args.k, begin + kFlushSteps);
    V even[kRows][kCols], odd[kRows][kCols];
    ZeroAll(even);
    ZeroAll(odd);
    int64_t k = begin;
    for (; k + 2 <= end; k += 2) {
      WNN_UNROLL for (int n = 0; n < kCols; n += kVecs) {
        hwy::Prefetch(w + 2 * kPrefetchFloats + n * kLanes);
        hwy::Prefetch(w + 2 * kPrefetchFloats + weight_stride + n * kLanes);
      }
      RowsStep(args, k, w, even);
      RowsStep(args, k + 1, w + weight_stride, odd);
      w += 2 * weight_stride;
    }
    if (k < end) {
      RowsStep(args, k, w, even);
      w += weight_stride;
    }
    WNN_UNROLL for (int m = 0; m < kRows; ++m) {
      WNN_UNROLL for (int n = 0; n < kCols; ++n) {
        total[m][n] = hn::Add(total[m][n], hn::Add(even[m][n], odd[m][n]));
      }
    }
  }
  WNN_UNROLL for (int m = 0; m < kRows; ++m) {
    WNN_UNROLL for (int n = 0; n < kCols; ++n) {
      Store(total[m][n], args.out + m * kMaxTileBlocks * kBlock + (first + n) * kLanes);
    }
  }
}

template <int kRows>
HWY_NOINLINE void Rows(const GemmRowsArgs& args) {
  constexpr int kCols = kRowsWidth<kRows>;
  constexpr int kTailCols = kCols < kVecs ? kCols : kVecs;
  const int n_vecs = args.blocks * kVecs;
  int first = 0;
  for (; first + kCols <= n_vecs; first += kCols) RowsStrip<kRows, kCols>(args, first);
  for (; first < n_vecs; first += kTailCols) RowsStrip<kRows, kTailCols>(args, first);
}

const GemmRowsKernels* GetGemmRowsKernels() {
  static constexpr GemmRowsKernels kKernels = {{nullptr, &Rows<1>, &Rows<2>, &Rows<3>, &Rows<4>}};
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetGemmRowsKernels);

}  // namespace

const GemmRowsKernels& ActiveGemmRowsKernels() {
  return *HWY_DYNAMIC_DISPATCH(GetGemmRowsKernels)();
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
