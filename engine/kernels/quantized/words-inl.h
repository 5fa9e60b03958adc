// Vectors of words whose products are added in pairs. Include only from files that
// foreach_target.h compiles once per instruction set: see blocked/simd-inl.h.
#if defined(WNN_KERNELS_WORDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef WNN_KERNELS_WORDS_INL_H_
#undef WNN_KERNELS_WORDS_INL_H_
#else
#define WNN_KERNELS_WORDS_INL_H_
#endif

#include "engine/kernels/blocked/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace wnn::kernels::HWY_NAMESPACE {

using D32 = hn::CappedTag<int32_t, 16>;
using V32 = hn::Vec<D32>;

#if HWY_TARGET != HWY_SCALAR  // whose vectors of one lane hold no pairs

using D16 = hn::Repartition<int16_t, D32>;
using D8 = hn::Repartition<uint8_t, D32>;
using V16 = hn::Vec<D16>;

// sum + a[2i] * b[2i] + a[2i + 1] * b[2i + 1] in lane i.
HWY_INLINE V32 AddWordPairs(V16 a, V16 b, V32 sum) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_EMU128 && HWY_TARGET != HWY_SCALAR
  V32 unused = sum;
  return hn::ReorderWidenMulAccumulate(D32(), a, b, sum, unused);
#elif HWY_ARCH_WASM && HWY_TARGET != HWY_EMU128
  return hn::Add(sum, V32{wasm_i32x4_dot_i16x8(a.raw, b.raw)});
#elif HWY_ARCH_ARM_A64 && HWY_TARGET == HWY_NEON
  return hn::Add(sum, V32(vpaddq_s32(vmull_s16(vget_low_s16(a.raw), vget_low_s16(b.raw)),
                                     vmull_high_s16(a.raw, b.raw))));
#else
  const auto even = [](V16 v) {
    return hn::ShiftRight<16>(hn::ShiftLeft<16>(hn::BitCast(D32(), v)));
  };
  const auto odd = [](V16 v) { return hn::ShiftRight<16>(hn::BitCast(D32(), v)); };
  return hn::Add(sum, hn::Add(hn::Mul(even(a), even(b)), hn::Mul(odd(a), odd(b))));
#endif
}

#endif  // HWY_TARGET != HWY_SCALAR

}  // namespace wnn::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // include guard
