#include "host/wasm/number.h"

#include <array>
#include <cmath>

namespace wnn::wasm {
namespace {

template <std::floating_point T>
std::string Format(T value) {
  if (std::isnan(value)) return "NaN";
  // The longest: DBL_MAX has 309 digits, the smallest subnormal 324 zeros and its digits.
  std::array<char, 512> text;
  const auto end =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  return std::string(text.data(), end.ptr);
}

}  // namespace

std::string FormatFloat(float value) { return Format(value); }
std::string FormatFloat(double value) { return Format(value); }

}  // namespace wnn::wasm
