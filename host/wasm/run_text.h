// For tests: Run on WebAssembly text.
#pragma once

#include <span>
#include <string_view>

#include "host/wasm/run.h"

namespace wnn::wasm {

inline EngineOptions Uncached() {
  EngineOptions options;
  options.cache.enabled = false;
  return options;
}

inline Result<RunResult> RunText(std::string_view text, const RunOptions& options,
                                 const EngineOptions& engine_options = Uncached()) {
  WNN_ASSIGN_OR_RETURN(auto engine, Engine::Create(engine_options));
  WNN_ASSIGN_OR_RETURN(auto module,
                       Module::Compile(*engine, std::as_bytes(std::span(text)), "test"));
  return Run(*engine, *module, options);
}

// Options to call an export.
inline RunOptions Calling(std::string function, std::vector<std::string> arguments = {}) {
  RunOptions options;
  options.function = std::move(function);
  options.function_arguments = std::move(arguments);
  return options;
}

}  // namespace wnn::wasm
