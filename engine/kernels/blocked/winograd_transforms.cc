#include "engine/kernels/blocked/winograd_transforms.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/winograd_transforms.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// F(4x4): the input transform B' d B works in four passes over the rows of B' d, {0}, {1, 2},
// {3, 4} and {5}: at most 12 vectors live at once, so that 16 registers suffice. Rows 1, 2 and 3, 4
// are the sum and the difference of the same two terms.

// One row of B' d times B, stored as six points.
HWY_INLINE void StoreRow4(const V (&d)[6], float* HWY_RESTRICT out, int64_t stride) {
  const V c2 = Broadcast(2.0f), c4 = Broadcast(4.0f), c5 = Broadcast(5.0f);
  const V even = NegFma(c4, d[2], d[4]);
  const V odd = NegFma(c4, d[1], d[3]);
  const V even2 = hn::Sub(d[4], d[2]);
  const V odd2 = hn::Sub(d[3], d[1]);
  Store(Fma(c4, d[0], NegFma(c5, d[2], d[4])), out);
  Store(hn::Add(even, odd), out + stride);
  Store(hn::Sub(even, odd), out + 2 * stride);
  Store(Fma(c2, odd2, even2), out + 3 * stride);
  Store(NegFma(c2, odd2, even2), out + 4 * stride);
  Store(Fma(c4, d[1], NegFma(c5, d[3], d[5])), out + 5 * stride);
}

// Row 0 or 5 of B' d from the rows a, b and c of d: 4a - 5b + c.
HWY_INLINE void OuterRow4(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b,
                          const float* HWY_RESTRICT c, float* HWY_RESTRICT out, int64_t stride) {
  const V c4 = Broadcast(4.0f), c5 = Broadcast(5.0f);
  V row[6];
  WNN_UNROLL for (int j = 0; j < 6; ++j) {
    row[j] = Fma(c4, Load(a + j * kBlock), NegFma(c5, Load(b + j * kBlock), Load(c + j * kBlock)));
  }
  StoreRow4(row, out, stride);
}

HWY_NOINLINE void WinogradIn4(const float* HWY_RESTRICT in, int64_t row_stride,
                              float* HWY_RESTRICT out, int64_t stride) {
  const V c2 = Broadcast(2.0f), c4 = Broadcast(4.0f);
  const int64_t out_row = 6 * stride;
  for (int v = 0; v < kVecs; ++v, in += kLanes, out += kLanes) {
    const float* d1 = in + row_stride;
    const float* d2 = d1 + row_stride;
    const float* d3 = d2 + row_stride;
    const float* d4 = d3 + row_stride;
    OuterRow4(in, d2, d4, out, stride);
    V sum[6], difference[6];
    WNN_UNROLL for (int j = 0; j < 6; ++j) {
      const int at = j * static_cast<int>(kBlock);
      const V even = NegFma(c4, Load(d2 + at), Load(d4 + at));
      const V odd = NegFma(c4, Load(d1 + at), Load(d3 + at));
      sum[j] = hn::Add(even, odd);
      difference[j] = hn::Sub(even, odd);
    }
    StoreRow4(sum, out + out_row, stride);
    StoreRow4(difference, out + 2 * out_row, stride);
    WNN_UNROLL for (int j = 0; j < 6; ++j) {
      const int at = j * static_cast<int>(kBlock);
      const V even = hn::Sub(Load(d4 + at), Load(d2 + at));
      const V odd = hn::Sub(Load(d3 + at), Load(d1 + at));
      sum[j] = Fma(c2, odd, even);
      difference[j] = NegFma(c2, odd, even);
    }
    StoreRow4(sum, out + 3 * out_row, stride);
    StoreRow4(difference, out + 4 * out_row, stride);
    OuterRow4(d1, d3, d4 + row_stride, out + 5 * out_row, stride);
  }
}

HWY_NOINLINE void WinogradIn2(const float* HWY_RESTRICT in, int64_t row_stride,
                              float* HWY_RESTRICT out, int64_t stride) {
  for (int v = 0; v < kVecs; ++v, in += kLanes, out += kLanes) {
    V rows[4][4];
    WNN_UNROLL for (int j = 0; j < 4; ++j) {
      const float* column = in + j * kBlock;
      const V d0 = Load(column), d1 = Load(column + row_stride);
      const V d2 = Load(column + 2 * row_stride), d3 = Load(column + 3 * row_stride);
      rows[0][j] = hn::Sub(d0, d2);
      rows[1][j] = hn::Add(d1, d2);
      rows[2][j] = hn::Sub(d2, d1);
      rows[3][j] = hn::Sub(d1, d3);
    }
    WNN_UNROLL for (int i = 0; i < 4; ++i) {
      float* to = out + i * 4 * stride;
      Store(hn::Sub(rows[i][0], rows[i][2]), to);
      Store(hn::Add(rows[i][1], rows[i][2]), to + stride);
      Store(hn::Sub(rows[i][2], rows[i][1]), to + 2 * stride);
      Store(hn::Sub(rows[i][1], rows[i][3]), to + 3 * stride);
    }
  }
}

struct Epilogue {
  V bias, min, max;
};

// Writes kM pixels of a row, fewer at the right edge. The sums lack bias, residual and clamp.
template <int kM>
HWY_INLINE void StorePixels(const Epilogue& epilogue, V (&y)[kM], const float* residual, float* out,
                            int64_t width) {
  WNN_UNROLL for (int j = 0; j < kM; ++j) {
    if (j >= width) return;
    V sum = hn::Add(y[j], epilogue.bias);
    if (residual != nullptr) sum = hn::Add(sum, Load(residual + j * kBlock));
    Store(ClampTo(sum, epilogue.min, epilogue.max), out + j * kBlock);
  }
}

// One row of A' m times A: four pixels.
HWY_INLINE void FinishRow4(const WinogradOutArgs& args, const Epilogue& epilogue, const V (&t)[6],
                           int row, int lane) {
  if (row >= args.height) return;
  const V c2 = Broadcast(2.0f), c4 = Broadcast(4.0f), c8 = Broadcast(8.0f);
  const V a = hn::Add(t[1], t[2]), b = hn::Sub(t[1], t[2]);
  const V c = hn::Add(t[3], t[4]), e = hn::Sub(t[3], t[4]);
  V y[4] = {hn::Add(hn::Add(t[0], a), c), Fma(c2, e, b), Fma(c4, c, a),
            hn::Add(Fma(c8, e, b), t[5])};
  const float* residual =
      args.residual == nullptr ? nullptr : args.residual + row * args.residual_row_stride + lane;
  StorePixels(epilogue, y, residual, args.out + row * args.out_row_stride + lane, args.width);
}

// The output transform A' m A computes pixel rows 0 and 2 from sums of points, then 1 and 3 from
// differences: 12 live vectors instead of 24, for reading most points twice.
HWY_NOINLINE void WinogradOut4(const WinogradOutArgs& args) {
  const V c2 = Broadcast(2.0f), c4 = Broadcast(4.0f), c8 = Broadcast(8.0f);
  const int64_t stride = args.point_stride;
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    const Epilogue epilogue{Load(args.bias + lane), Broadcast(args.clamp.min),
                            Broadcast(args.clamp.max)};
    const float* HWY_RESTRICT m = args.from + lane;
    V first[6], second[6];
    WNN_UNROLL for (int j = 0; j < 6; ++j) {
      const float* HWY_RESTRICT p = m + j * stride;
      const V a = hn::Add(Load(p + 6 * stride), Load(p + 12 * stride));
      const V c = hn::Add(Load(p + 18 * stride), Load(p + 24 * stride));
      first[j] = hn::Add(hn::Add(Load(p), a), c);
      second[j] = Fma(c4, c, a);
    }
    FinishRow4(args, epilogue, first, 0, lane);
    FinishRow4(args, epilogue, second, 2, lane);
    WNN_UNROLL for (int j = 0; j < 6; ++j) {
      const float* HWY_RESTRICT p = m + j * stride;
      const V b = hn::Sub(Load(p + 6 * stride), Load(p + 12 * stride));
      const V e = hn::Sub(Load(p + 18 * stride), Load(p + 24 * stride));
      first[j] = Fma(c2, e, b);
      second[j] = hn::Add(Fma(c8, e, b), Load(p + 30 * stride));
    }
    FinishRow4(args, epilogue, first, 1, lane);
    FinishRow4(args, epilogue, second, 3, lane);
  }
}

HWY_NOINLINE void WinogradOut2(const WinogradOutArgs& args) {
  const int64_t stride = args.point_stride;
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    const Epilogue epilogue{Load(args.bias + lane), Broadcast(args.clamp.min),
                            Broadcast(args.clamp.max)};
    const float* HWY_RESTRICT m = args.from + lane;
    V t[2][4];
    WNN_UNROLL for (int j = 0; j < 4; ++j) {
      const float* HWY_RESTRICT p = m + j * stride;
      const V m1 = Load(p + 4 * stride), m2 = Load(p + 8 * stride);
      t[0][j] = hn::Add(Load(p), hn::Add(m1, m2));
      t[1][j] = hn::Sub(hn::Sub(m1, m2), Load(p + 12 * stride));
    }
    WNN_UNROLL for (int i = 0; i < 2; ++i) {
      if (i >= args.height) break;
      V y[2] = {hn::Add(t[i][0], hn::Add(t[i][1], t[i][2])),
                hn::Sub(hn::Sub(t[i][1], t[i][2]), t[i][3])};
      const float* residual =
          args.residual == nullptr ? nullptr : args.residual + i * args.residual_row_stride + lane;
      StorePixels(epilogue, y, residual, args.out + i * args.out_row_stride + lane, args.width);
    }
  }
}

const WinogradKernels* GetWinogradKernels() {
  static constexpr WinogradKernels kKernels = {&WinogradIn2, &WinogradIn4, &WinogradOut2,
                                               &WinogradOut4};
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetWinogradKernels);

// G g G' for the (m + 2) x 3 matrix G.
template <int kPoints>
void Transform(const double (&g)[kPoints][3], const float* kernel, float* points) {
  double half[kPoints][3];
  for (int i = 0; i < kPoints; ++i) {
    for (int j = 0; j < 3; ++j) {
      half[i][j] = 0;
      for (int k = 0; k < 3; ++k) {
        half[i][j] += g[i][k] * static_cast<double>(kernel[k * 3 + j]);
      }
    }
  }
  for (int i = 0; i < kPoints; ++i) {
    for (int j = 0; j < kPoints; ++j) {
      double sum = 0;
      for (int k = 0; k < 3; ++k) sum += half[i][k] * g[j][k];
      points[i * kPoints + j] = static_cast<float>(sum);
    }
  }
}

}  // namespace

const WinogradKernels& ActiveWinogradKernels() {
  return *HWY_DYNAMIC_DISPATCH(GetWinogradKernels)();
}

void TransformWinogradWeights(int m, const float* kernel, float* points) {
  static constexpr double kG2[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
  static constexpr double kG4[6][3] = {
      {1.0 / 4, 0, 0},
      {-1.0 / 6, -1.0 / 6, -1.0 / 6},
      {-1.0 / 6, 1.0 / 6, -1.0 / 6},
      {1.0 / 24, 1.0 / 12, 1.0 / 6},
      {1.0 / 24, -1.0 / 12, 1.0 / 6},
      {0, 0, 1},
  };
  if (m == 2) {
    Transform(kG2, kernel, points);
  } else {
    Transform(kG4, kernel, points);
  }
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
