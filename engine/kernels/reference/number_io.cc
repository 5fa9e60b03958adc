#include "engine/kernels/reference/number_io.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "engine/kernels/reference/convert.h"

namespace wnn::kernels {
namespace {

// A float with a sign, exponent and mantissa in at most eight bits.
struct SmallFloat {
  int mantissa_bits;
  int bias;
  double max;
  uint8_t infinity;  // 0 if there is none
  uint8_t nan;       // without sign; 0 if there is none
  uint8_t sign;      // the bit
  bool has_negative_zero;
};
constexpr SmallFloat kE4M3FN = {3, 7, 448, 0, 0x7f, 0x80, true};
constexpr SmallFloat kE4M3FNUZ = {3, 8, 240, 0, 0x80, 0x80, false};
constexpr SmallFloat kE5M2 = {2, 15, 57344, 0x7c, 0x7e, 0x80, true};
constexpr SmallFloat kE5M2FNUZ = {2, 16, 57344, 0, 0x80, 0x80, false};
constexpr SmallFloat kE2M1 = {1, 1, 6, 0, 0, 0x8, true};

const SmallFloat* SmallFloatOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat8E4M3FN: return &kE4M3FN;
    case DType::kFloat8E4M3FNUZ: return &kE4M3FNUZ;
    case DType::kFloat8E5M2: return &kE5M2;
    case DType::kFloat8E5M2FNUZ: return &kE5M2FNUZ;
    case DType::kFloat4E2M1: return &kE2M1;
    default: return nullptr;
  }
}

double Decode(const SmallFloat& f, uint8_t bits) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  if (!f.has_negative_zero && bits == f.nan) return kNan;
  const bool negative = (bits & f.sign) != 0;
  const uint8_t magnitude = bits & static_cast<uint8_t>(f.sign - 1);
  double value;
  if (f.has_negative_zero && f.infinity != 0 && magnitude >= f.infinity) {
    value = magnitude == f.infinity ? std::numeric_limits<double>::infinity() : kNan;
  } else if (f.has_negative_zero && f.nan != 0 && magnitude == f.nan) {
    value = kNan;
  } else {
    const int exponent = magnitude >> f.mantissa_bits;
    const int mantissa = magnitude & ((1 << f.mantissa_bits) - 1);
    value = exponent == 0 ? std::ldexp(mantissa, 1 - f.bias - f.mantissa_bits)
                          : std::ldexp(mantissa + (1 << f.mantissa_bits),
                                       exponent - f.bias - f.mantissa_bits);
  }
  return negative ? -value : value;
}

uint8_t Encode(const SmallFloat& f, double x, bool saturate) {
  const uint8_t sign = std::signbit(x) ? f.sign : uint8_t{0};
  if (x != x) {
    // float4e2m1 has no NaN: minus zero, as ONNX's reference.
    if (f.nan == 0) return f.sign;
    return f.has_negative_zero ? static_cast<uint8_t>(f.nan | sign) : f.nan;
  }
  const double magnitude = std::abs(x);
  double rounded = magnitude;
  if (magnitude != 0 && !std::isinf(magnitude)) {
    const int exponent = std::max(std::ilogb(magnitude), 1 - f.bias);
    const int quantum = exponent - f.mantissa_bits;
    rounded = std::ldexp(std::nearbyint(std::ldexp(magnitude, -quantum)), quantum);
  }
  if (rounded > f.max) {
    if (!saturate && f.infinity != 0) return static_cast<uint8_t>(f.infinity | sign);
    if (!saturate && f.nan != 0) {
      return f.has_negative_zero ? static_cast<uint8_t>(f.nan | sign) : f.nan;
    }
    rounded = f.max;
  }
  if (rounded == 0) return f.has_negative_zero ? sign : uint8_t{0};
  const int exponent = std::max(std::ilogb(rounded), 1 - f.bias);
  const auto units = static_cast<int>(std::ldexp(rounded, f.mantissa_bits - exponent));
  const int implicit = 1 << f.mantissa_bits;
  const int bits =
      units < implicit ? units : ((exponent + f.bias) << f.mantissa_bits) + (units - implicit);
  return static_cast<uint8_t>(bits | sign);
}

// float8e8m0 is 2^(bits - 127); 0xff is NaN.
constexpr int kE8M0Bias = 127, kE8M0Max = 254;
constexpr uint8_t kE8M0Nan = 0xff;

uint8_t EncodeE8M0(double x, const NumberRounding& rounding) {
  using Mode = NumberRounding::Mode;
  if (x != x) return kE8M0Nan;
  const double magnitude = std::abs(x);
  if (magnitude == 0) return rounding.saturate ? uint8_t{0} : kE8M0Nan;
  if (std::isinf(magnitude)) return rounding.saturate ? uint8_t{kE8M0Max} : kE8M0Nan;
  int exponent = std::ilogb(magnitude);
  const double fraction = std::ldexp(magnitude, -exponent);  // in [1, 2)
  if ((rounding.e8m0 == Mode::kUp && fraction > 1) ||
      (rounding.e8m0 == Mode::kNearest && fraction >= 1.5)) {
    ++exponent;
  }
  const int bits = exponent + kE8M0Bias;
  if (bits < 0 || bits > kE8M0Max) {
    if (!rounding.saturate) return kE8M0Nan;
    return static_cast<uint8_t>(std::clamp(bits, 0, kE8M0Max));
  }
  return static_cast<uint8_t>(bits);
}

bool IsSigned(DType dtype) { return dtype == DType::kInt4 || dtype == DType::kInt2; }

uint8_t BitsAt(size_t bits, const std::byte* from, int64_t i) {
  const auto at = static_cast<size_t>(i) * bits;
  return static_cast<uint8_t>(std::to_integer<unsigned>(from[at / 8]) >> (at % 8) &
                              ((1u << bits) - 1));
}

void SetBits(size_t bits, std::byte* to, int64_t i, uint8_t value) {
  const auto at = static_cast<size_t>(i) * bits;
  const auto kept = at % 8 == 0 ? 0u : std::to_integer<unsigned>(to[at / 8]) & ((1u << at % 8) - 1);
  const unsigned low = value & ((1u << bits) - 1);
  to[at / 8] = static_cast<std::byte>(kept | low << (at % 8));
}

int64_t SmallInteger(DType dtype, size_t bits, const std::byte* from, int64_t i) {
  const int64_t value = BitsAt(bits, from, i);
  const int64_t half = int64_t{1} << (bits - 1);
  return IsSigned(dtype) && value >= half ? value - 2 * half : value;
}

// What is before the point, as an integer of 64 bits.
int64_t Truncated(double x) { return Convert<int64_t>(x); }

}  // namespace

bool IsInteger(DType dtype) {
  switch (dtype) {
    case DType::kUint8:
    case DType::kInt8:
    case DType::kUint16:
    case DType::kInt16:
    case DType::kInt32:
    case DType::kInt64:
    case DType::kBool:
    case DType::kUint32:
    case DType::kUint64:
    case DType::kUint4:
    case DType::kInt4:
    case DType::kUint2:
    case DType::kInt2: return true;
    default: return false;
  }
}

bool IsNumber(DType dtype) {
  if (IsInteger(dtype) || SmallFloatOf(dtype) != nullptr) return true;
  return dtype == DType::kFloat || dtype == DType::kDouble || dtype == DType::kFloat16 ||
         dtype == DType::kBfloat16 || dtype == DType::kFloat8E8M0;
}

void ReadNumbers(DType dtype, const std::byte* from, int64_t first, int64_t n, double* to) {
  const size_t bits = DTypeBits(dtype);
  if (const SmallFloat* f = SmallFloatOf(dtype)) {
    for (int64_t i = 0; i < n; ++i) to[i] = Decode(*f, BitsAt(bits, from, first + i));
  } else if (dtype == DType::kFloat8E8M0) {
    for (int64_t i = 0; i < n; ++i) {
      const uint8_t code = BitsAt(8, from, first + i);
      to[i] = code == kE8M0Nan ? std::numeric_limits<double>::quiet_NaN()
                               : std::ldexp(1.0, code - kE8M0Bias);
    }
  } else if (bits < 8) {
    for (int64_t i = 0; i < n; ++i) {
      to[i] = static_cast<double>(SmallInteger(dtype, bits, from, first + i));
    }
  } else {
    Visit(dtype, AllTypes(), [&]<typename T>() {
      const T* values = reinterpret_cast<const T*>(from) + first;
      for (int64_t i = 0; i < n; ++i) to[i] = static_cast<double>(Widen(values[i]));
      return 0;
    });
  }
}

void WriteNumbers(DType dtype, const double* from, int64_t first, int64_t n,
                  const NumberRounding& rounding, std::byte* to) {
  const size_t bits = DTypeBits(dtype);
  if (const SmallFloat* f = SmallFloatOf(dtype)) {
    for (int64_t i = 0; i < n; ++i) {
      SetBits(bits, to, first + i, Encode(*f, from[i], rounding.saturate));
    }
  } else if (dtype == DType::kFloat8E8M0) {
    for (int64_t i = 0; i < n; ++i) SetBits(8, to, first + i, EncodeE8M0(from[i], rounding));
  } else if (bits < 8) {
    for (int64_t i = 0; i < n; ++i) {
      SetBits(bits, to, first + i, static_cast<uint8_t>(Truncated(from[i])));
    }
  } else {
    Visit(dtype, AllTypes(), [&]<typename T>() {
      T* values = reinterpret_cast<T*>(to) + first;
      for (int64_t i = 0; i < n; ++i) values[i] = Convert<T>(from[i]);
      return 0;
    });
  }
}

void ReadIntegers(DType dtype, const std::byte* from, int64_t first, int64_t n, int64_t* to) {
  const size_t bits = DTypeBits(dtype);
  if (bits < 8) {
    for (int64_t i = 0; i < n; ++i) to[i] = SmallInteger(dtype, bits, from, first + i);
    return;
  }
  Visit(dtype,
        Types<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, bool>(),
        [&]<typename T>() {
          const T* values = reinterpret_cast<const T*>(from) + first;
          for (int64_t i = 0; i < n; ++i) to[i] = static_cast<int64_t>(values[i]);
          return 0;
        });
}

void WriteIntegers(DType dtype, const int64_t* from, int64_t first, int64_t n, std::byte* to) {
  const size_t bits = DTypeBits(dtype);
  if (bits < 8) {
    for (int64_t i = 0; i < n; ++i) {
      SetBits(bits, to, first + i, static_cast<uint8_t>(from[i]));
    }
    return;
  }
  Visit(dtype,
        Types<int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, bool>(),
        [&]<typename T>() {
          T* values = reinterpret_cast<T*>(to) + first;
          for (int64_t i = 0; i < n; ++i) values[i] = static_cast<T>(from[i]);
          return 0;
        });
}

void UnpackBits(size_t bits, const std::byte* from, int64_t first, int64_t n, uint8_t* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = BitsAt(bits, from, first + i);
}

void PackBits(size_t bits, const uint8_t* from, int64_t first, int64_t n, std::byte* to) {
  for (int64_t i = 0; i < n; ++i) SetBits(bits, to, first + i, from[i]);
}

}  // namespace wnn::kernels
