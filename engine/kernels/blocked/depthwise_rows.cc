#include "engine/kernels/blocked/depthwise_rows.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/depthwise_rows.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// Outputs that a tile keeps in registers.
inline constexpr int kTilePixels = 8;

template <int kPixels>
HWY_INLINE void StoreTile(const DepthwiseRowArgs& args, int lane, const V (&acc)[kPixels],
                          float* out) {
  const V bias = Load(args.bias + lane);
  const V min = Broadcast(args.clamp.min);
  const V max = Broadcast(args.clamp.max);
  WNN_UNROLL for (int p = 0; p < kPixels; ++p) {
    Store(ClampTo(hn::Add(acc[p], bias), min, max), out + p * kBlock + lane);
  }
}

// A kSize x kSize kernel on kPixels outputs, the first `first` outputs into the row. Walks input
// columns, so that each is loaded once a row and serves every tap that meets it.
template <int kSize, int kStride, int kPixels>
HWY_INLINE void SquareTile(const DepthwiseRowArgs& args, int64_t first) {
  constexpr int kColumns = (kPixels - 1) * kStride + kSize;
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    V acc[kPixels];
    WNN_UNROLL for (int p = 0; p < kPixels; ++p) acc[p] = hn::Zero(D());
    WNN_UNROLL for (int ky = 0; ky < kSize; ++ky) {
      const float* HWY_RESTRICT row = args.rows[ky] + first * kStride * kBlock + lane;
      const float* HWY_RESTRICT weights = args.weights + ky * kSize * kBlock + lane;
      V taps[kSize];
      WNN_UNROLL for (int kx = 0; kx < kSize; ++kx) taps[kx] = Load(weights + kx * kBlock);
      WNN_UNROLL for (int x = 0; x < kColumns; ++x) {
        const V column = Load(row + x * kBlock);
        WNN_UNROLL for (int kx = 0; kx < kSize; ++kx) {
          if (x >= kx && (x - kx) % kStride == 0 && (x - kx) / kStride < kPixels) {
            const int p = (x - kx) / kStride;
            acc[p] = Fma(taps[kx], column, acc[p]);
          }
        }
      }
    }
    StoreTile(args, lane, acc, args.out + first * kBlock);
  }
}

template <int kSize, int kStride>
HWY_NOINLINE void SquareRow(const DepthwiseRowArgs& args) {
  const int64_t n_tiles = (args.n_pixels + kTilePixels - 1) / kTilePixels;
  int64_t first = 0;
  for (int64_t i = 1; i <= n_tiles; ++i) {
    const int64_t end = args.n_pixels * i / n_tiles;
    switch (end - first) {
      case 1: SquareTile<kSize, kStride, 1>(args, first); break;
      case 2: SquareTile<kSize, kStride, 2>(args, first); break;
      case 3: SquareTile<kSize, kStride, 3>(args, first); break;
      case 4: SquareTile<kSize, kStride, 4>(args, first); break;
      case 5: SquareTile<kSize, kStride, 5>(args, first); break;
      case 6: SquareTile<kSize, kStride, 6>(args, first); break;
      case 7: SquareTile<kSize, kStride, 7>(args, first); break;
      default: SquareTile<kSize, kStride, 8>(args, first); break;
    }
    first = end;
  }
}

template <int kPixels>
HWY_INLINE void AnyTile(const DepthwiseRowArgs& args, int64_t first) {
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    V acc[kPixels];
    WNN_UNROLL for (int p = 0; p < kPixels; ++p) acc[p] = hn::Zero(D());
    for (int64_t ky = 0; ky < args.kernel_h; ++ky) {
      const float* HWY_RESTRICT in = args.rows[ky] + first * args.stride + lane;
      const float* HWY_RESTRICT weights = args.weights + ky * args.weight_row_stride + lane;
      for (int64_t kx = 0; kx < args.kernel_w; ++kx) {
        const V tap = Load(weights);
        WNN_UNROLL for (int p = 0; p < kPixels; ++p) {
          acc[p] = Fma(tap, Load(in + p * args.stride), acc[p]);
        }
        weights += kBlock;
        in += args.dilation;
      }
    }
    StoreTile(args, lane, acc, args.out + first * kBlock);
  }
}

HWY_NOINLINE void AnyRow(const DepthwiseRowArgs& args) {
  int64_t first = 0;
  for (; first + kTilePixels <= args.n_pixels; first += kTilePixels) {
    AnyTile<kTilePixels>(args, first);
  }
  for (; first + 2 <= args.n_pixels; first += 2) AnyTile<2>(args, first);
  if (first < args.n_pixels) AnyTile<1>(args, first);
}

const DepthwiseKernels* GetDepthwiseKernels() {
  static constexpr DepthwiseKernels kKernels = {
      &AnyRow, {&SquareRow<3, 1>, &SquareRow<3, 2>}, {&SquareRow<5, 1>, &SquareRow<5, 2>}};
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetDepthwiseKernels);

}  // namespace

DepthwiseRowFn DepthwiseKernels::Pick(int64_t kernel_h, int64_t kernel_w, int64_t stride_w,
                                      int64_t dilation_w) const {
  const bool unrolled = kernel_h == kernel_w && stride_w <= 2 && dilation_w == 1;
  if (unrolled && kernel_h == 3) return square3[stride_w - 1];
  if (unrolled && kernel_h == 5) return square5[stride_w - 1];
  return any;
}

const DepthwiseKernels& ActiveDepthwiseKernels() {
  return *HWY_DYNAMIC_DISPATCH(GetDepthwiseKernels)();
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
