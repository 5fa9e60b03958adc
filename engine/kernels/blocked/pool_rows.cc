#include "engine/kernels/blocked/pool_rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/pool_rows.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// Columns of the map under output x: every dilation_w-th from `begin` to before `end`.
struct Columns {
  int64_t begin;
  int64_t end;
};

HWY_INLINE Columns ColumnsOf(const PoolRowArgs& args, int64_t x) {
  const int64_t first = x * args.stride_w - args.pad_left;
  const int64_t begin =
      first >= 0 ? first
                 : first + (-first + args.dilation_w - 1) / args.dilation_w * args.dilation_w;
  return {begin, HWY_MIN(first + (args.kernel_w - 1) * args.dilation_w + 1, args.in_w)};
}

// The whole 3x3 window lies inside the map: a tree of maxima instead of a chain.
HWY_INLINE V Max3x3(const float* a, const float* b, const float* c) {
  const V x = hn::Max(hn::Max(Load(a), Load(a + kBlock)), Load(a + 2 * kBlock));
  const V y = hn::Max(hn::Max(Load(b), Load(b + kBlock)), Load(b + 2 * kBlock));
  const V z = hn::Max(hn::Max(Load(c), Load(c + kBlock)), Load(c + 2 * kBlock));
  return hn::Max(hn::Max(x, y), z);
}

HWY_NOINLINE void MaxRow(const PoolRowArgs& args) {
  const bool is3x3 = args.n_rows == 3 && args.kernel_w == 3 && args.dilation_w == 1;
  for (int64_t x = 0; x < args.out_w; ++x) {
    const Columns columns = ColumnsOf(args, x);
    for (int lane = 0; lane < kBlock; lane += kLanes) {
      V max;
      if (is3x3 && columns.end - columns.begin == 3) {
        const int64_t at = columns.begin * kBlock + lane;
        max = Max3x3(args.rows[0] + at, args.rows[1] + at, args.rows[2] + at);
      } else {
        max = Broadcast(-std::numeric_limits<float>::infinity());
        for (int64_t r = 0; r < args.n_rows; ++r) {
          for (int64_t i = columns.begin; i < columns.end; i += args.dilation_w) {
            max = hn::Max(max, Load(args.rows[r] + i * kBlock + lane));
          }
        }
      }
      Store(max, args.out + x * kBlock + lane);
    }
  }
}

// How many columns the divisor of output x counts.
HWY_INLINE int64_t CountedColumns(const PoolRowArgs& args, int64_t x, const Columns& columns) {
  if (!args.count_padding) {
    return columns.end <= columns.begin
               ? 0
               : (columns.end - columns.begin + args.dilation_w - 1) / args.dilation_w;
  }
  const int64_t first = x * args.stride_w - args.pad_left;
  const int64_t room = args.in_w + args.pad_right - first;
  const int64_t fit = room <= 0 ? 0 : (room + args.dilation_w - 1) / args.dilation_w;
  return HWY_MIN(args.kernel_w, fit);
}

HWY_NOINLINE void AverageRow(const PoolRowArgs& args) {
  for (int64_t x = 0; x < args.out_w; ++x) {
    const Columns columns = ColumnsOf(args, x);
    const int64_t counted = CountedColumns(args, x, columns) * args.row_divisor;
    const V divisor = Broadcast(static_cast<float>(HWY_MAX(counted, 1)));
    for (int lane = 0; lane < kBlock; lane += kLanes) {
      V sum = hn::Zero(D());
      for (int64_t r = 0; r < args.n_rows; ++r) {
        for (int64_t i = columns.begin; i < columns.end; i += args.dilation_w) {
          sum = hn::Add(sum, Load(args.rows[r] + i * kBlock + lane));
        }
      }
      Store(hn::Div(sum, divisor), args.out + x * kBlock + lane);
    }
  }
}

HWY_NOINLINE void Mean(const float* HWY_RESTRICT in, int64_t n_pixels, float* HWY_RESTRICT out) {
  constexpr int kChains = 4;
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    V sums[kChains];
    WNN_UNROLL for (int i = 0; i < kChains; ++i) sums[i] = hn::Zero(D());
    int64_t p = 0;
    for (; p + kChains <= n_pixels; p += kChains) {
      WNN_UNROLL for (int i = 0; i < kChains; ++i) {
        sums[i] = hn::Add(sums[i], Load(in + (p + i) * kBlock + lane));
      }
    }
    for (; p < n_pixels; ++p) sums[0] = hn::Add(sums[0], Load(in + p * kBlock + lane));
    const V sum = hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]));
    Store(hn::Div(sum, Broadcast(static_cast<float>(n_pixels))), out + lane);
  }
}

const PoolKernels* GetPoolKernels() {
  static constexpr PoolKernels kKernels = {&MaxRow, &AverageRow, &Mean};
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetPoolKernels);

}  // namespace

const PoolKernels& ActivePoolKernels() { return *HWY_DYNAMIC_DISPATCH(GetPoolKernels)(); }

}  // namespace wnn::kernels
#endif  // HWY_ONCE
