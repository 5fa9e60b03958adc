#include "host/wasm/value.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "host/wasm/number.h"

namespace wnn::wasm {
namespace {

// `bytes` as one little-endian unsigned number, in decimal.
std::string FormatV128(const wasmtime_v128& bytes) {
  __extension__ using Uint128 = unsigned __int128;
  Uint128 value = 0;
  for (int i = 15; i >= 0; --i) value = (value << 8) | bytes[i];
  std::string digits;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string FormatReference(bool is_null, std::string_view type) {
  return (is_null ? "<null " : "<") + std::string(type) + ">";
}

wasmtime_valtype_kind_t KindOf(const wasm_valtype_t* type) {
  wasmtime_valtype_t copy;
  wasmtime_valtype_new(type, &copy);
  const wasmtime_valtype_kind_t kind = copy.kind;
  wasmtime_valtype_delete(&copy);
  return kind;
}

}  // namespace

Result<wasmtime_val_t> ParseValue(wasmtime_valtype_kind_t type, std::string_view text) {
  wasmtime_val_t value{};
  switch (type) {
    case WASMTIME_VALTYPE_KIND_I32: {
      WNN_ASSIGN_OR_RETURN(value.of.i32, ParseInteger<int32_t>("i32", text));
      value.kind = WASMTIME_I32;
      return value;
    }
    case WASMTIME_VALTYPE_KIND_I64: {
      WNN_ASSIGN_OR_RETURN(value.of.i64, ParseInteger<int64_t>("i64", text));
      value.kind = WASMTIME_I64;
      return value;
    }
    case WASMTIME_VALTYPE_KIND_F32: {
      WNN_ASSIGN_OR_RETURN(value.of.f32, ParseFloat<float>("f32", text));
      value.kind = WASMTIME_F32;
      return value;
    }
    case WASMTIME_VALTYPE_KIND_F64: {
      WNN_ASSIGN_OR_RETURN(value.of.f64, ParseFloat<double>("f64", text));
      value.kind = WASMTIME_F64;
      return value;
    }
    default: return Unsupported("only i32, i64, f32 and f64 can be given as text");
  }
}

Result<std::vector<wasmtime_val_t>> ParseArguments(const wasm_functype_t* type,
                                                   std::span<const std::string> words) {
  const wasm_valtype_vec_t* params = wasm_functype_params(type);
  if (words.size() < params->size) {
    return InvalidArgument("not enough arguments: it takes " + std::to_string(params->size) +
                           ", but " + std::to_string(words.size()) + " came");
  }
  std::vector<wasmtime_val_t> values;
  values.reserve(params->size);
  for (size_t i = 0; i < params->size; ++i) {
    Result<wasmtime_val_t> value = ParseValue(KindOf(params->data[i]), words[i]);
    if (!value) {
      return std::move(value.error()).WithContext("argument " + std::to_string(i + 1));
    }
    values.push_back(*value);
  }
  return values;
}

std::string FormatValue(const wasmtime_val_t& value) {
  switch (value.kind) {
    case WASMTIME_I32: return std::to_string(value.of.i32);
    case WASMTIME_I64: return std::to_string(value.of.i64);
    case WASMTIME_F32: return FormatFloat(value.of.f32);
    case WASMTIME_F64: return FormatFloat(value.of.f64);
    case WASMTIME_V128: return FormatV128(value.of.v128);
    case WASMTIME_FUNCREF:
      return FormatReference(wasmtime_funcref_is_null(&value.of.funcref), "funcref");
    case WASMTIME_EXTERNREF:
      return FormatReference(wasmtime_externref_is_null(&value.of.externref), "externref");
    case WASMTIME_ANYREF:
      return FormatReference(wasmtime_anyref_is_null(&value.of.anyref), "anyref");
    case WASMTIME_EXNREF:
      return FormatReference(wasmtime_exnref_is_null(&value.of.exnref), "exnref");
    default: return "<value>";
  }
}

}  // namespace wnn::wasm
