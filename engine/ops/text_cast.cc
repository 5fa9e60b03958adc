#include "engine/ops/text_cast.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "engine/kernels/reference/number_io.h"
#include "engine/ops/text.h"

namespace wnn::ops {
namespace {

constexpr int64_t kElementsPerCheck = 1024;  // between two looks at the clock
constexpr size_t kLongestNumber = 1 << 20;   // a longer text is no number

// ---- Numbers to texts.

template <typename Number>
std::string Digits(Number number) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof(text), number);
  return error == std::errc() ? std::string(text, end) : std::string();
}

// In plain digits where that is not long, as people write numbers.
template <typename Float>
std::string FloatText(Float number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "INF" : "-INF";
  const Float size = std::abs(number);
  if (size != 0 && (size < Float(1e-5) || size >= Float(1e16))) return Digits(number);
  char text[64];
  const auto [end, error] =
      std::to_chars(text, text + sizeof(text), number, std::chars_format::fixed);
  return error == std::errc() ? std::string(text, end) : std::string();
}

std::string NumberText(const Tensor& from, int64_t i) {
  const DType dtype = from.dtype();
  const std::byte* data = from.bytes().data();
  if (kernels::IsInteger(dtype)) {
    int64_t integer;
    kernels::ReadIntegers(dtype, data, i, 1, &integer);
    return dtype == DType::kUint64 ? Digits(static_cast<uint64_t>(integer)) : Digits(integer);
  }
  double number;
  kernels::ReadNumbers(dtype, data, i, 1, &number);
  return dtype == DType::kDouble ? FloatText(number) : FloatText(static_cast<float>(number));
}

Result<Value> ToTexts(const EvaluateContext& context, const Tensor& from) {
  const int64_t n = from.n_elements();
  WNN_ASSIGN_OR_RETURN(TextBuilder texts, TextBuilder::Make(context, n));
  for (int64_t i = 0; i < n; ++i) {
    if (i % kElementsPerCheck == 0) WNN_RETURN_IF_ERROR(context.stop().Check());
    WNN_RETURN_IF_ERROR(texts.Add(NumberText(from, i)));
  }
  return std::move(texts).Finish(from.shape());
}

// ---- Texts to numbers.

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// `lower` in lower case.
bool IsWord(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? a + ('a' - 'A') : a) == b;
  });
}

template <typename Float>
std::optional<Float> ParseFloat(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative || text.starts_with('+')) text.remove_prefix(1);
  const Float sign = is_negative ? Float(-1) : Float(1);
  using Limits = std::numeric_limits<Float>;
  if (IsWord(text, "inf") || IsWord(text, "infinity")) return sign * Limits::infinity();
  if (IsWord(text, "nan")) return Limits::quiet_NaN();
  if (text.empty() || !(text[0] == '.' || (text[0] >= '0' && text[0] <= '9'))) return std::nullopt;
  Float number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (end != text.data() + text.size()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // strtod tells too large from too small.
    number = static_cast<Float>(std::strtod(std::string(text).c_str(), nullptr));
    return sign * number;
  }
  return error == std::errc() ? std::optional(sign * number) : std::nullopt;
}

// The integer's bits; a number with digits behind the point loses them.
template <typename Integer>
std::optional<int64_t> ParseInteger(std::string_view text, double min, double above_max) {
  const std::string_view digits = text.starts_with('+') ? text.substr(1) : text;
  Integer integer = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), integer);
  if (error == std::errc() && end == digits.data() + digits.size()) {
    const auto size = static_cast<double>(integer);
    // Only a 64-bit type's largest numbers are rounded up to the bound, and they do fit.
    if (size >= min && (size < above_max || above_max >= 0x1p63)) {
      return static_cast<int64_t>(integer);
    }
    return std::nullopt;
  }
  const std::optional<double> number = ParseFloat<double>(text);
  if (!number || !(std::trunc(*number) >= min && std::trunc(*number) < above_max)) {
    return std::nullopt;
  }
  return static_cast<int64_t>(static_cast<Integer>(*number));
}

bool WriteInteger(std::string_view text, DType dtype, int64_t i, std::byte* to) {
  const int bits = static_cast<int>(DTypeBits(dtype));
  const bool is_signed = dtype == DType::kInt8 || dtype == DType::kInt16 ||
                         dtype == DType::kInt32 || dtype == DType::kInt64 ||
                         dtype == DType::kInt4 || dtype == DType::kInt2;
  const double above_max = std::ldexp(1.0, is_signed ? bits - 1 : bits);
  const std::optional<int64_t> integer =
      dtype == DType::kUint64 ? ParseInteger<uint64_t>(text, 0, above_max)
                              : ParseInteger<int64_t>(text, is_signed ? -above_max : 0, above_max);
  if (!integer) return false;
  kernels::WriteIntegers(dtype, &*integer, i, 1, to);
  return true;
}

bool WriteText(std::string_view text, DType dtype, const kernels::NumberRounding& rounding,
               int64_t i, std::byte* to) {
  if (kernels::IsInteger(dtype) && dtype != DType::kBool) return WriteInteger(text, dtype, i, to);
  std::optional<double> number;
  if (dtype == DType::kFloat) {
    const std::optional<float> single = ParseFloat<float>(text);
    if (single) number = *single;
  } else {
    number = ParseFloat<double>(text);
  }
  if (!number) return false;
  kernels::WriteNumbers(dtype, &*number, i, 1, rounding, to);
  return true;
}

Result<Value> ToNumbers(const EvaluateContext& context, const StringTensor& from, DType to) {
  WNN_ASSIGN_OR_RETURN(int64_t saturate, context.attributes().Int("saturate", 1));
  kernels::NumberRounding rounding;
  rounding.saturate = saturate != 0;
  WNN_ASSIGN_OR_RETURN(Tensor out, context.Allocate(to, from.shape));
  const auto n = static_cast<int64_t>(from.elements.size());
  for (int64_t i = 0; i < n; ++i) {
    if (i % kElementsPerCheck == 0) WNN_RETURN_IF_ERROR(context.stop().Check());
    const std::string& text = from.elements[static_cast<size_t>(i)];
    if (text.size() > kLongestNumber) WNN_RETURN_IF_ERROR(context.stop().Check());
    if (text.size() > kLongestNumber ||
        !WriteText(Trimmed(text), to, rounding, i, out.bytes().data())) {
      return InvalidArgument("the string " + graph::Quoted(text) + " is no number of type " +
                             std::string(DTypeName(to)));
    }
  }
  return Value(std::move(out));
}

}  // namespace

Status EvaluateTextCast(EvaluateContext& context) {
  const Value& in = context.InputValue(0);
  const DType to = context.OutputFact(0).dtype;
  const StringTensor* texts = in.strings();
  if (texts != nullptr && to == DType::kString) {
    context.SetOutput(0, in);
    return OkStatus();
  }
  WNN_ASSIGN_OR_RETURN(Value out, texts != nullptr ? ToNumbers(context, *texts, to)
                                                   : ToTexts(context, *in.tensor()));
  context.SetOutput(0, std::move(out));
  return OkStatus();
}

}  // namespace wnn::ops
