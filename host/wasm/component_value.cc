#include "host/wasm/component_value.h"

#include <cstdint>
#include <utility>

#include "host/wasm/number.h"

namespace wnn::wasm {
namespace {

using wasmtime::component::FuncType;
using wasmtime::component::Val;
using wasmtime::component::ValType;

template <typename T>
Result<Val> Integer(std::string_view type, std::string_view text) {
  WNN_ASSIGN_OR_RETURN(const T value, ParseInteger<T>(type, text));
  return Val(value);
}

template <typename T>
Result<Val> Float(std::string_view type, std::string_view text) {
  WNN_ASSIGN_OR_RETURN(const T value, ParseFloat<T>(type, text));
  return Val(value);
}

Status NotA(std::string_view what, std::string_view text) {
  return InvalidArgument("'" + std::string(text) + "' is not " + std::string(what));
}

// The one character that valid UTF-8 of 1 to 4 bytes encodes.
std::optional<uint32_t> OneCharacter(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t size = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (size != text.size()) return std::nullopt;
  uint32_t character = size == 1 ? lead : lead & (0x7fu >> size);
  for (char next : text.substr(1)) {
    if ((static_cast<uint8_t>(next) & 0xc0) != 0x80) return std::nullopt;
    character = character << 6 | (static_cast<uint8_t>(next) & 0x3f);
  }
  const bool is_scalar = character < 0xd800 || (character > 0xdfff && character <= 0x10ffff);
  return is_scalar ? std::optional(character) : std::nullopt;
}

std::string Encode(uint32_t character) {
  std::string bytes;
  if (character < 0x80) return bytes + static_cast<char>(character);
  const int n_more = character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
  bytes += static_cast<char>((0xff00 >> (n_more + 1)) | (character >> (6 * n_more)));
  for (int i = n_more - 1; i >= 0; --i) {
    bytes += static_cast<char>(0x80 | ((character >> (6 * i)) & 0x3f));
  }
  return bytes;
}

Result<Val> EnumCase(const wasmtime::component::EnumType& type, std::string_view text) {
  std::string names;
  for (size_t i = 0; i < type.names_count(); ++i) {
    const std::string_view name = *type.names_nth(i);
    if (name == text) return Val::enum_(text);
    names += (i == 0 ? "" : ", ") + std::string(name);
  }
  return NotA("one of " + names, text);
}

// --- call expressions ----------------------------------------------------------------------------

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

char Unescaped(char c) {
  switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    default: return c;  // a quote, a backslash
  }
}

// Takes a quoted text from the front of `rest`.
Result<std::string> TakeQuoted(std::string_view& rest) {
  const char quote = rest.front();
  std::string text;
  for (size_t i = 1; i < rest.size(); ++i) {
    if (rest[i] == quote) {
      rest = Trimmed(rest.substr(i + 1));
      return text;
    }
    if (rest[i] == '\\' && i + 1 < rest.size())
      ++i, text += Unescaped(rest[i]);
    else
      text += rest[i];
  }
  return InvalidArgument("a quote has no end");
}

Result<std::string> TakeArgument(std::string_view& rest) {
  if (rest.starts_with('"') || rest.starts_with('\'')) return TakeQuoted(rest);
  const size_t end = std::min(rest.find(','), rest.size());
  std::string text(Trimmed(rest.substr(0, end)));
  rest.remove_prefix(end);
  return text;
}

// --- WAVE ----------------------------------------------------------------------------------------

std::string Quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (char c : text) {
    switch (c) {
      case '\n': quoted += "\\n"; break;
      case '\t': quoted += "\\t"; break;
      case '\r': quoted += "\\r"; break;
      case '\\': quoted += "\\\\"; break;
      default:
        if (c == quote) quoted += '\\';
        quoted += c;
    }
  }
  return quoted + quote;
}

std::string WaveFloat(std::string text) { return text == "NaN" ? "nan" : text; }

template <typename Items, typename Format>
std::string Joined(const Items& items, Format format) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + format(item);
  return text;
}

std::string WithPayload(std::string_view name, const Val* payload) {
  if (payload == nullptr) return std::string(name);
  return std::string(name) + "(" + FormatComponentValue(*payload) + ")";
}

}  // namespace

Result<Val> ParseComponentValue(const ValType& type, std::string_view text) {
  if (type.is_bool()) {
    if (text != "true" && text != "false") return NotA("true or false", text);
    return Val(text == "true");
  }
  if (type.is_s8()) return Integer<int8_t>("s8", text);
  if (type.is_u8()) return Integer<uint8_t>("u8", text);
  if (type.is_s16()) return Integer<int16_t>("s16", text);
  if (type.is_u16()) return Integer<uint16_t>("u16", text);
  if (type.is_s32()) return Integer<int32_t>("s32", text);
  if (type.is_u32()) return Integer<uint32_t>("u32", text);
  if (type.is_s64()) return Integer<int64_t>("s64", text);
  if (type.is_u64()) return Integer<uint64_t>("u64", text);
  if (type.is_f32()) return Float<float>("f32", text);
  if (type.is_f64()) return Float<double>("f64", text);
  if (type.is_char()) {
    const std::optional<uint32_t> character = OneCharacter(text);
    if (!character) return NotA("one character", text);
    return Val::char_(*character);
  }
  if (type.is_string()) return Val::string(text);
  if (type.is_enum()) return EnumCase(type.enum_(), text);
  return Unsupported("only numbers, booleans, characters, strings and enumerations can be given");
}

Result<std::vector<Val>> ParseComponentArguments(const FuncType& type,
                                                 std::span<const std::string> words) {
  const size_t n_params = type.param_count();
  if (words.size() != n_params) {
    return InvalidArgument(std::string(words.size() < n_params ? "not enough" : "too many") +
                           " arguments: it takes " + std::to_string(n_params) + ", but " +
                           std::to_string(words.size()) + " came");
  }
  std::vector<Val> values;
  values.reserve(n_params);
  for (size_t i = 0; i < n_params; ++i) {
    const auto param = *type.param_nth(i);
    Result<Val> value = ParseComponentValue(param.second, words[i]);
    if (!value) {
      return std::move(value.error())
          .WithContext("argument " + std::to_string(i + 1) + " (" + std::string(param.first) + ")");
    }
    values.push_back(*std::move(value));
  }
  return values;
}

Result<CallExpression> ParseCallExpression(std::string_view text) {
  CallExpression call;
  const size_t open = text.find('(');
  call.name = text.substr(0, open);
  if (open == std::string_view::npos) return call;
  text = Trimmed(text);
  if (!text.ends_with(')')) {
    return InvalidArgument("'" + std::string(text) + "': the parenthesis has no end");
  }
  std::string_view rest = Trimmed(text.substr(open + 1, text.size() - open - 2));
  call.arguments.emplace();
  while (!rest.empty()) {
    WNN_ASSIGN_OR_RETURN(std::string argument, TakeArgument(rest));
    call.arguments->push_back(std::move(argument));
    if (rest.empty()) break;
    if (!rest.starts_with(','))
      return InvalidArgument("a comma is missing before " + std::string(rest));
    rest = Trimmed(rest.substr(1));
  }
  return call;
}

std::string FormatComponentValue(const Val& value) {
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  if (value.is_s8()) return std::to_string(value.get_s8());
  if (value.is_u8()) return std::to_string(value.get_u8());
  if (value.is_s16()) return std::to_string(value.get_s16());
  if (value.is_u16()) return std::to_string(value.get_u16());
  if (value.is_s32()) return std::to_string(value.get_s32());
  if (value.is_u32()) return std::to_string(value.get_u32());
  if (value.is_s64()) return std::to_string(value.get_s64());
  if (value.is_u64()) return std::to_string(value.get_u64());
  if (value.is_f32()) return WaveFloat(FormatFloat(value.get_f32()));
  if (value.is_f64()) return WaveFloat(FormatFloat(value.get_f64()));
  // The C++ class has no test for a character.
  if (value.capi()->kind == WASMTIME_COMPONENT_CHAR) {
    return Quoted(Encode(value.capi()->of.character), '\'');
  }
  if (value.is_string()) return Quoted(value.get_string(), '"');
  if (value.is_list()) return "[" + Joined(value.get_list(), FormatComponentValue) + "]";
  if (value.is_tuple()) return "(" + Joined(value.get_tuple(), FormatComponentValue) + ")";
  if (value.is_record()) {
    return "{" +
           Joined(value.get_record(),
                  [](const auto& field) {
                    return std::string(field.name()) + ": " + FormatComponentValue(field.value());
                  }) +
           "}";
  }
  if (value.is_variant()) {
    return WithPayload(value.get_variant().discriminant(), value.get_variant().value());
  }
  if (value.is_enum()) return std::string(value.get_enum());
  if (value.is_option()) {
    const Val* some = value.get_option().value();
    return WithPayload(some == nullptr ? "none" : "some", some);
  }
  if (value.is_result()) {
    return WithPayload(value.get_result().is_ok() ? "ok" : "err", value.get_result().payload());
  }
  if (value.is_flags()) {
    return "{" +
           Joined(value.get_flags(), [](const auto& flag) { return std::string(flag.name()); }) +
           "}";
  }
  if (value.is_map()) {
    return "{" +
           Joined(value.get_map(),
                  [](const auto& entry) {
                    return FormatComponentValue(entry.key()) + ": " +
                           FormatComponentValue(entry.value());
                  }) +
           "}";
  }
  return "<resource>";
}

}  // namespace wnn::wasm
