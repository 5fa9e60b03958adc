// WebAssembly values as text: the arguments and results of functions that a person calls by name.
#pragma once

#include <wasmtime.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/status.h"

namespace wnn::wasm {

// Decimal, or hexadecimal after 0x, for i32 and i64 (hexadecimal also as unsigned bits); C's
// notation for f32 and f64, with "inf" and "nan". kInvalidArgument for text that is no such number
// or does not fit, kUnsupportedOperation for v128 and references.
Result<wasmtime_val_t> ParseValue(wasmtime_valtype_kind_t type, std::string_view text);

// ParseValue for each parameter of `type`, from as many words of the front; the rest is ignored, as
// by Wasmtime. kInvalidArgument when there are too few.
Result<std::vector<wasmtime_val_t>> ParseArguments(const wasm_functype_t* type,
                                                   std::span<const std::string> words);

// Integers as signed decimals, floats with as few digits as read back to the same bits and without
// an exponent, v128 as one unsigned decimal, references as "<externref>" or "<null externref>".
std::string FormatValue(const wasmtime_val_t& value);

}  // namespace wnn::wasm
