// The 16-bit floating-point types as storage: arithmetic is done in float.
#pragma once

#include <bit>
#include <cstdint>

namespace wnn::kernels {

struct Float16 {
  uint16_t bits = 0;
};
struct Bfloat16 {
  uint16_t bits = 0;
};

inline float ToFloat(Bfloat16 x) { return std::bit_cast<float>(uint32_t{x.bits} << 16); }

inline float ToFloat(Float16 x) {
  uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000) << 16;
  uint32_t exponent = x.bits >> 10 & 0x1f;
  uint32_t mantissa = x.bits & 0x3ff;
  if (exponent == 0) {
    // Zero or subnormal: mantissa * 2^-24, exact in float.
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  exponent = exponent == 0x1f ? 0xff : exponent + 112;
  return std::bit_cast<float>(sign | exponent << 23 | mantissa << 13);
}

// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
inline Bfloat16 ToBfloat16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if (x != x) return {static_cast<uint16_t>(bits >> 16 | 0x40)};
  return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

inline Float16 ToFloat16(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return {static_cast<uint16_t>(sign | 0x7e00)};
  if (magnitude >= 0x477ff000) return {static_cast<uint16_t>(sign | 0x7c00)};  // rounds over 65504
  if (magnitude < 0x38800000) {
    // Subnormal or zero: adding 0.5 leaves round(magnitude * 2^24) in the low bits.
    float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - 0x3f000000))};
  }
  uint32_t rounded = magnitude - (uint32_t{112} << 23) + 0xfff + (magnitude >> 13 & 1);
  return {static_cast<uint16_t>(sign | rounded >> 13)};
}

}  // namespace wnn::kernels
