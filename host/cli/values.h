// The values of options, from their text. All fail with kInvalidArgument, saying what is allowed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/status.h"
#include "host/nn/environment.h"
#include "host/wasm/wasi.h"

namespace wnn::cli {

// y, yes, true, n, no, false; no text at all is true.
Result<bool> ParseBool(std::optional<std::string_view> text);

// A decimal number.
Result<uint64_t> ParseCount(std::string_view text);

// A decimal number and ns, us, ms, s, m or h; seconds without a unit. At least 1 ns.
Result<std::chrono::nanoseconds> ParseDuration(std::string_view text);

// HOST or HOST::GUEST.
Result<wasm::Preopen> ParseDir(std::string_view text);
// GUEST::HOST.
Result<wasm::Preopen> ParseMapDir(std::string_view text);

// N=V or N, which has no value of its own.
struct EnvironmentVariable {
  std::string name;
  std::optional<std::string> value;
};
Result<EnvironmentVariable> ParseEnv(std::string_view text);

// Models that guests load by name. FORMAT::DIR, named as DIR's last part.
Result<nn::NamedModel> ParseNnGraph(std::string_view text);
// cpu, gpu or auto, in either case.
Result<nn::NamedTarget> ParseTarget(std::string_view text);
// NAME:ENCODING:TARGET:PATH; PATH may have colons.
Result<nn::NamedModel> ParseNnPreload(std::string_view text);

}  // namespace wnn::cli
