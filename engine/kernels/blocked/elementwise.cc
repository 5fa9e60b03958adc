#include "engine/kernels/blocked/elementwise.h"

#include <cmath>
#include <limits>

#include "engine/kernels/blocked/schedule.h"

// clang-format off
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/blocked/elementwise.cc"
#include "hwy/foreach_target.h"  // first: compiles what follows once a target
#include "engine/kernels/blocked/simd-inl.h"
#include "hwy/contrib/math/math-inl.h"
// clang-format on

#ifndef WNN_KERNELS_ELEMENTWISE_TABLE
#define WNN_KERNELS_ELEMENTWISE_TABLE
namespace wnn::kernels {

struct ElementwiseKernels {
  void (*binary)(BinaryOp, const float* a, const float* b, int64_t n, const Clamp&, float* out);
  void (*unary)(const UnaryParams&, const float* in, int64_t n, float* out);
  // One channel block: 16 scales and shifts.
  void (*scale_shift)(const float* in, int64_t n_pixels, const float* scale, const float* shift,
                      const Clamp&, float* out);
  void (*softmax)(const float* in, int64_t n, bool log, float* out);
};

}  // namespace wnn::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

// The first n < kLanes floats of memory that ends there; the other lanes are `fill`.
HWY_INLINE V LoadPart(const float* from, int64_t n, float fill) {
  HWY_ALIGN float lanes[kLanes];
  for (int i = 0; i < kLanes; ++i) lanes[i] = i < n ? from[i] : fill;
  return Load(lanes);
}

HWY_INLINE void StorePart(V v, int64_t n, float* to) {
  HWY_ALIGN float lanes[kLanes];
  Store(v, lanes);
  for (int i = 0; i < n; ++i) to[i] = lanes[i];
}

template <BinaryOp kOp>
HWY_INLINE V Combine(V a, V b) {
  if constexpr (kOp == BinaryOp::kAdd) return hn::Add(a, b);
  if constexpr (kOp == BinaryOp::kSub) return hn::Sub(a, b);
  if constexpr (kOp == BinaryOp::kMul) return hn::Mul(a, b);
}

template <BinaryOp kOp>
HWY_INLINE void BinaryLoop(const float* a, const float* b, int64_t n, const Clamp& clamp,
                           float* out) {
  const V min = Broadcast(clamp.min);
  const V max = Broadcast(clamp.max);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V v = Combine<kOp>(LoadUnaligned(a + i), LoadUnaligned(b + i));
    hn::StoreU(ClampTo(v, min, max), D(), out + i);
  }
  if (i < n) {
    const V v = Combine<kOp>(LoadPart(a + i, n - i, 0), LoadPart(b + i, n - i, 0));
    StorePart(ClampTo(v, min, max), n - i, out + i);
  }
}

HWY_NOINLINE void BinaryKernel(BinaryOp op, const float* a, const float* b, int64_t n,
                               const Clamp& clamp, float* out) {
  switch (op) {
    case BinaryOp::kAdd: BinaryLoop<BinaryOp::kAdd>(a, b, n, clamp, out); break;
    case BinaryOp::kSub: BinaryLoop<BinaryOp::kSub>(a, b, n, clamp, out); break;
    case BinaryOp::kMul: BinaryLoop<BinaryOp::kMul>(a, b, n, clamp, out); break;
  }
}

// A NaN stays NaN, which Highway's functions do not promise.
HWY_INLINE V Exp(V x) { return hn::IfThenElse(hn::IsNaN(x), x, hn::Exp(D(), x)); }
HWY_INLINE V Tanh(V x) { return hn::IfThenElse(hn::IsNaN(x), x, hn::Tanh(D(), x)); }

// 1 / (1 + e^-x). e^88 is the largest power that stays finite.
HWY_INLINE V Sigmoid(V x) {
  const V one = Broadcast(1.0f);
  const V power = Exp(hn::Neg(ClampTo(x, Broadcast(-88.0f), Broadcast(88.0f))));
  return hn::Div(one, hn::Add(one, power));
}

// e^88.73 is infinite.
HWY_INLINE V ExpOrInfinity(V x) {
  return hn::IfThenElse(hn::Gt(x, Broadcast(88.7228394f)), hn::Inf(D()), Exp(x));
}

// By Horner's rule, the highest power first.
template <size_t kN>
HWY_INLINE V Polynomial(V x, const float (&coefficients)[kN]) {
  V sum = Broadcast(coefficients[0]);
  WNN_UNROLL for (size_t i = 1; i < kN; ++i) sum = Fma(sum, x, Broadcast(coefficients[i]));
  return sum;
}

// Below 1 x * p(x^2), from there on 1 - e^r(x), where r approximates log(erfc(x)) up to 4, at which
// erf rounds to 1. The polynomials are Chebyshev's, fitted for this.
HWY_INLINE V Erf(V x) {
  static constexpr float kNear[] = {-0.000565410586f, 0.00492327767f, -0.0267163851f,
                                    0.112803644f,     -0.376123498f,  1.12837913f};
  static constexpr float kFar[] = {-1.33093904e-05f, 0.000317572035f, -0.0034368676f,
                                   0.0226219859f,    -0.10331898f,    -0.639093319f,
                                   -1.12592595f,     -0.000756968618f};
  const V one = Broadcast(1.0f), size = hn::Abs(x);
  const V near = hn::Mul(x, Polynomial(hn::Mul(x, x), kNear));
  const V power = hn::Exp(D(), Polynomial(hn::Min(size, Broadcast(4.0f)), kFar));
  const V far = hn::CopySign(hn::Sub(one, power), x);
  return hn::IfThenElse(hn::IsNaN(x), x, hn::IfThenElse(hn::Lt(size, one), near, far));
}

HWY_INLINE V Gelu(V x) {
  const V half = hn::Mul(x, Broadcast(0.5f));
  return Fma(half, Erf(hn::Mul(x, Broadcast(0.707106781f))), half);
}

HWY_INLINE V GeluTanh(V x) {
  const V cube = hn::Mul(hn::Mul(x, x), x);
  const V inner = hn::Mul(Fma(cube, Broadcast(0.044715f), x), Broadcast(0.797884561f));
  const V half = hn::Mul(x, Broadcast(0.5f));
  return Fma(half, Tanh(inner), half);
}

HWY_INLINE V HardSigmoid(const UnaryParams& params, V x) {
  const V line = Fma(Broadcast(params.alpha), x, Broadcast(params.beta));
  return ClampTo(line, hn::Zero(D()), Broadcast(1.0f));
}

template <UnaryOp kOp>
HWY_INLINE V Apply(const UnaryParams& params, V x) {
  if constexpr (kOp == UnaryOp::kClamp) {
    return ClampTo(x, Broadcast(params.clamp.min), Broadcast(params.clamp.max));
  }
  if constexpr (kOp == UnaryOp::kSigmoid) return Sigmoid(x);
  if constexpr (kOp == UnaryOp::kSilu) return hn::Mul(x, Sigmoid(x));
  if constexpr (kOp == UnaryOp::kHardSigmoid) return HardSigmoid(params, x);
  if constexpr (kOp == UnaryOp::kHardSwish) return hn::Mul(x, HardSigmoid(params, x));
  if constexpr (kOp == UnaryOp::kLeakyRelu) {
    return hn::IfThenElse(hn::Lt(x, hn::Zero(D())), hn::Mul(x, Broadcast(params.alpha)), x);
  }
  if constexpr (kOp == UnaryOp::kTanh) return Tanh(x);
  if constexpr (kOp == UnaryOp::kErf) return Erf(x);
  if constexpr (kOp == UnaryOp::kExp) return ExpOrInfinity(x);
  if constexpr (kOp == UnaryOp::kGelu) return Gelu(x);
  if constexpr (kOp == UnaryOp::kGeluTanh) return GeluTanh(x);
  if constexpr (kOp == UnaryOp::kSwish) {
    return hn::Mul(x, Sigmoid(hn::Mul(x, Broadcast(params.alpha))));
  }
}

template <UnaryOp kOp>
HWY_INLINE void UnaryLoop(const UnaryParams& params, const float* in, int64_t n, float* out) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    hn::StoreU(Apply<kOp>(params, LoadUnaligned(in + i)), D(), out + i);
  }
  if (i < n) StorePart(Apply<kOp>(params, LoadPart(in + i, n - i, 0)), n - i, out + i);
}

HWY_NOINLINE void UnaryKernel(const UnaryParams& params, const float* in, int64_t n, float* out) {
  switch (params.op) {
    case UnaryOp::kClamp: UnaryLoop<UnaryOp::kClamp>(params, in, n, out); break;
    case UnaryOp::kSigmoid: UnaryLoop<UnaryOp::kSigmoid>(params, in, n, out); break;
    case UnaryOp::kSilu: UnaryLoop<UnaryOp::kSilu>(params, in, n, out); break;
    case UnaryOp::kHardSigmoid: UnaryLoop<UnaryOp::kHardSigmoid>(params, in, n, out); break;
    case UnaryOp::kHardSwish: UnaryLoop<UnaryOp::kHardSwish>(params, in, n, out); break;
    case UnaryOp::kLeakyRelu: UnaryLoop<UnaryOp::kLeakyRelu>(params, in, n, out); break;
    case UnaryOp::kTanh: UnaryLoop<UnaryOp::kTanh>(params, in, n, out); break;
    case UnaryOp::kErf: UnaryLoop<UnaryOp::kErf>(params, in, n, out); break;
    case UnaryOp::kExp: UnaryLoop<UnaryOp::kExp>(params, in, n, out); break;
    case UnaryOp::kGelu: UnaryLoop<UnaryOp::kGelu>(params, in, n, out); break;
    case UnaryOp::kGeluTanh: UnaryLoop<UnaryOp::kGeluTanh>(params, in, n, out); break;
    case UnaryOp::kSwish: UnaryLoop<UnaryOp::kSwish>(params, in, n, out); break;
  }
}

HWY_NOINLINE void ScaleShiftKernel(const float* in, int64_t n_pixels, const float* scale,
                                   const float* shift, const Clamp& clamp, float* out) {
  const V min = Broadcast(clamp.min);
  const V max = Broadcast(clamp.max);
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    const V by = scale == nullptr ? Broadcast(1.0f) : LoadUnaligned(scale + lane);
    const V plus = shift == nullptr ? hn::Zero(D()) : LoadUnaligned(shift + lane);
    for (int64_t p = 0; p < n_pixels; ++p) {
      const V v = Fma(LoadUnaligned(in + p * kBlock + lane), by, plus);
      hn::StoreU(ClampTo(v, min, max), D(), out + p * kBlock + lane);
    }
  }
}

HWY_INLINE float MaxOf(const float* in, int64_t n) {
  V max = Broadcast(in[0]);
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) max = hn::Max(LoadUnaligned(in + i), max);
  if (i < n) max = hn::Max(LoadPart(in + i, n - i, in[0]), max);
  return hn::GetLane(hn::MaxOfLanes(D(), max));
}

HWY_NOINLINE void Softmax(const float* in, int64_t n, bool log, float* out) {
  const float max = MaxOf(in, n);
  const V shift = Broadcast(max);
  V sums = hn::Zero(D());
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const V shifted = hn::Sub(LoadUnaligned(in + i), shift);
    const V power = Exp(shifted);
    sums = hn::Add(sums, power);
    hn::StoreU(log ? shifted : power, D(), out + i);
  }
  if (i < n) {
    // The lanes beyond the end add nothing, however large the numbers are.
    constexpr float kNothing = -std::numeric_limits<float>::infinity();
    const V shifted = hn::Sub(LoadPart(in + i, n - i, kNothing), shift);
    const V power = Exp(shifted);
    sums = hn::Add(sums, power);
    StorePart(log ? shifted : power, n - i, out + i);
  }
  const float sum = hn::GetLane(hn::SumOfLanes(D(), sums));
  if (log) {
    const float log_sum = std::log(sum);
    for (i = 0; i < n; ++i) out[i] -= log_sum;
  } else {
    for (i = 0; i < n; ++i) out[i] /= sum;
  }
}

const ElementwiseKernels* GetElementwiseKernels() {
  static constexpr ElementwiseKernels kKernels = {&BinaryKernel, &UnaryKernel, &ScaleShiftKernel,
                                                  &Softmax};
  return &kKernels;
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace wnn::kernels {
namespace {

HWY_EXPORT(GetElementwiseKernels);

const ElementwiseKernels& Kernels() { return *HWY_DYNAMIC_DISPATCH(GetElementwiseKernels)(); }

// Cuts [0, n) so that only the last part has a tail: a lane's place in a vector never matters.
void ForEachPart(int64_t n, double cost, Parallel& parallel, FunctionRef<void(Range)> run) {
  constexpr int64_t kGrain = 256;
  const int64_t grains = CeilDiv(n, kGrain);
  if (grains == 0) return;
  const int64_t n_tasks = std::min(grains, CopyTaskCount(cost, parallel.n_threads()));
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    const Range part = Part(grains, n_tasks, task);
    run({part.begin * kGrain, std::min(n, part.end * kGrain)});
  });
}

}  // namespace

void Binary(BinaryOp op, const float* a, const float* b, int64_t n, const Clamp& clamp, float* out,
            Parallel& parallel) {
  const ElementwiseKernels& kernels = Kernels();
  ForEachPart(n, 3.0 * sizeof(float) * static_cast<double>(n), parallel, [&](Range r) {
    kernels.binary(op, a + r.begin, b + r.begin, r.size(), clamp, out + r.begin);
  });
}

void Unary(const UnaryParams& params, const float* in, int64_t n, float* out, Parallel& parallel) {
  const ElementwiseKernels& kernels = Kernels();
  const bool slow = params.op != UnaryOp::kClamp && params.op != UnaryOp::kHardSigmoid &&
                    params.op != UnaryOp::kHardSwish && params.op != UnaryOp::kLeakyRelu;
  const double cost = (slow ? 16.0 : 2.0) * sizeof(float) * static_cast<double>(n);
  ForEachPart(n, cost, parallel,
              [&](Range r) { kernels.unary(params, in + r.begin, r.size(), out + r.begin); });
}

void ScaleShift(const ScaleShiftParams& params, const BlockedIn& in, const BlockedOut& out,
                Parallel& parallel) {
  const ElementwiseKernels& kernels = Kernels();
  const int64_t blocks = BlockCount(params.channels);
  const int64_t n_maps = params.batch * blocks;
  const double bytes = 2.0 * static_cast<double>(n_maps * params.n_pixels) * kBlock * sizeof(float);
  const int64_t n_tasks = std::min(n_maps, CopyTaskCount(bytes, parallel.n_threads()));
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    const Range maps = Part(n_maps, n_tasks, task);
    for (int64_t map = maps.begin; map < maps.end; ++map) {
      const int64_t image = map / blocks;
      const int64_t lane = map % blocks * kBlock;
      const float* scale = params.scale == nullptr
                               ? nullptr
                               : params.scale + image * params.scale_batch_stride + lane;
      kernels.scale_shift(in.data + image * in.batch_stride + lane * params.n_pixels,
                          params.n_pixels, scale,
                          params.shift == nullptr ? nullptr : params.shift + lane, params.clamp,
                          out.data + image * out.batch_stride + lane * params.n_pixels);
    }
  });
}

void SoftmaxRows(const float* in, int64_t n_rows, int64_t n, bool log, float* out,
                 Parallel& parallel) {
  if (n_rows == 0 || n == 0) return;
  const ElementwiseKernels& kernels = Kernels();
  const double cost = 16.0 * sizeof(float) * static_cast<double>(n_rows * n);
  const int64_t n_tasks = std::min(n_rows, CopyTaskCount(cost, parallel.n_threads()));
  ForEachTask(parallel, n_tasks, [&](int64_t task, int) {
    const Range rows = Part(n_rows, n_tasks, task);
    for (int64_t r = rows.begin; r < rows.end; ++r) {
      kernels.softmax(in + r * n, n, log, out + r * n);
    }
  });
}

}  // namespace wnn::kernels
#endif  // HWY_ONCE
