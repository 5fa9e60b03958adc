// Numbers as people write them, for values of WebAssembly's types.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

#include "engine/base/status.h"

namespace wnn::wasm {

inline Status BadNumber(std::string_view type, std::string_view text, std::errc error) {
  std::string message = "'" + std::string(text) + "' is not a number of type " + std::string(type);
  if (error == std::errc::result_out_of_range) message += ": it is out of range";
  return InvalidArgument(std::move(message));
}

// All of `digits` as a number. `text` is what an error calls it, `format` std::from_chars's last
// argument, if any.
template <typename T, typename... Format>
Result<T> ParseWhole(std::string_view type, std::string_view text, std::string_view digits,
                     Format... format) {
  T value{};
  const char* last = digits.data() + digits.size();
  const std::from_chars_result result = std::from_chars(digits.data(), last, value, format...);
  if (result.ec != std::errc{} || result.ptr != last) return BadNumber(type, text, result.ec);
  return value;
}

inline std::string_view WithoutPlus(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  return text;
}

// Decimal, or after 0x hexadecimal; for signed types that is the unsigned bits. `type` is what an
// error calls the type. kInvalidArgument for text that is no such number or does not fit.
template <std::integral T>
Result<T> ParseInteger(std::string_view type, std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) {
    using Bits = std::make_unsigned_t<T>;
    WNN_ASSIGN_OR_RETURN(Bits bits, ParseWhole<Bits>(type, text, text.substr(2), 16));
    return static_cast<T>(bits);
  }
  return ParseWhole<T>(type, text, WithoutPlus(text));
}

// C's notation, with "inf" and "nan".
template <std::floating_point T>
Result<T> ParseFloat(std::string_view type, std::string_view text) {
  return ParseWhole<T>(type, text, WithoutPlus(text));
}

// As few digits as read back to the same bits, without an exponent; "NaN", "inf", "-inf".
std::string FormatFloat(float value);
std::string FormatFloat(double value);

}  // namespace wnn::wasm
