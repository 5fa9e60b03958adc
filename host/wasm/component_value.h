// The component model's values as text: arguments and results of functions called by name. Results
// are written in WAVE, the notation that Wasmtime's own command prints.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <wasmtime/component.hh>

#include "engine/base/status.h"

namespace wnn::wasm {

// Numbers as ParseInteger and ParseFloat take them, "true" and "false", one character, an
// enumeration's case by name; for a string, the text as it is. kInvalidArgument for text that is
// none such, kUnsupportedOperation for types that are made of others.
Result<wasmtime::component::Val> ParseComponentValue(const wasmtime::component::ValType& type,
                                                     std::string_view text);

// ParseComponentValue for each parameter. kInvalidArgument unless there are as many words.
Result<std::vector<wasmtime::component::Val>> ParseComponentArguments(
    const wasmtime::component::FuncType& type, std::span<const std::string> words);

// `name(argument, "argument")`, as Wasmtime's command takes a call, or a name alone.
struct CallExpression {
  std::string name;
  // Nothing when there are no parentheses. Quotes are gone, and escapes replaced.
  std::optional<std::vector<std::string>> arguments;
};

// kInvalidArgument when a parenthesis or quote has no end.
Result<CallExpression> ParseCallExpression(std::string_view text);

std::string FormatComponentValue(const wasmtime::component::Val& value);

}  // namespace wnn::wasm
