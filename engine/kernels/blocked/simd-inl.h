// Per-target vocabulary of the blocked kernels. Include only from files that foreach_target.h
// compiles once per instruction set.
//
// Functions that use vectors are plain functions or templates between HWY_BEFORE_NAMESPACE and
// HWY_AFTER_NAMESPACE: a lambda would not inherit the target's attributes.
#if defined(WNN_KERNELS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WNN_KERNELS_SIMD_INL_H_
#undef WNN_KERNELS_SIMD_INL_H_
#else
#define WNN_KERNELS_SIMD_INL_H_
#endif

#include "engine/kernels/blocked/layout.h"
#include "hwy/cache_control.h"
#include "hwy/highway.h"

#if HWY_ARCH_WASM && defined(__wasm_relaxed_simd__)
#include <wasm_simd128.h>
#endif

// Unrolls the loop that follows completely: vectors in arrays must become registers.
#undef WNN_UNROLL
#define WNN_UNROLL _Pragma("GCC unroll 64")

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// One channel block at most: 1 vector with AVX-512, 2 with AVX2, 4 with 128-bit vectors.
using D = hn::CappedTag<float, 16>;
using V = hn::Vec<D>;
inline constexpr int kLanes = static_cast<int>(hn::MaxLanes(D()));
inline constexpr int kVecs = static_cast<int>(kBlock) / kLanes;

HWY_INLINE V Load(const float* HWY_RESTRICT aligned) { return hn::Load(D(), aligned); }
HWY_INLINE V LoadUnaligned(const float* HWY_RESTRICT from) { return hn::LoadU(D(), from); }
HWY_INLINE void Store(V v, float* HWY_RESTRICT aligned) { hn::Store(v, D(), aligned); }
HWY_INLINE V Broadcast(float x) { return hn::Set(D(), x); }

// a * b + c, fused where the target can. Highway's wasm target multiplies and adds apart even when
// relaxed SIMD offers the fused instruction. (Not MulAdd: Highway's would be found as well.)
HWY_INLINE V Fma(V a, V b, V c) {
#if HWY_ARCH_WASM && defined(__wasm_relaxed_simd__)
  return V{wasm_f32x4_relaxed_madd(a.raw, b.raw, c.raw)};
#else
  return hn::MulAdd(a, b, c);
#endif
}

// c - a * b.
HWY_INLINE V NegFma(V a, V b, V c) {
#if HWY_ARCH_WASM && defined(__wasm_relaxed_simd__)
  return V{wasm_f32x4_relaxed_nmadd(a.raw, b.raw, c.raw)};
#else
  return hn::NegMulAdd(a, b, c);
#endif
}

// A NaN stays NaN. x86 gives the second operand of Min and Max when either is NaN, wasm gives NaN;
// on ARM, Highway's drop a NaN where the plain instructions keep it; plain C++ needs it spelt out.
HWY_INLINE V ClampTo(V x, V min, V max) {
#if HWY_ARCH_ARM_A64
  return V(vminq_f32(max.raw, vmaxq_f32(min.raw, x.raw)));
#elif HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  return hn::IfThenElse(hn::Lt(max, x), max, hn::IfThenElse(hn::Lt(x, min), min, x));
#else
  return hn::Min(max, hn::Max(min, x));
#endif
}

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
