// What a guest gets from WASI: its arguments, its environment and the directories that it may open.
// Standard input, output and error are the process's own.
#pragma once

#include <string>
#include <utility>
#include <vector>
#include <wasmtime.hh>

#include "engine/base/status.h"

namespace wnn::wasm {

struct Preopen {
  std::string host;   // a directory of this machine
  std::string guest;  // the path under which the guest sees it
  bool writable = true;
};

struct WasiOptions {
  std::vector<std::string> argv;  // the program's name first
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<Preopen> preopens;
};

// kInvalidArgument for text that WASI cannot hold (not UTF-8, or with a NUL) and for a bad
// variable name; kNotFound for a directory that is missing, is none or cannot be opened.
Result<wasmtime::WasiConfig> MakeWasiConfig(const WasiOptions& options);

}  // namespace wnn::wasm
