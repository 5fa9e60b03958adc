#include "host/wasm/wasi.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace wnn::wasm {
namespace {

Status NotWasiText(std::string_view what, const std::string& text) {
  return InvalidArgument(std::string(what) + " '" + text +
                         "': WASI takes only valid UTF-8 without NUL bytes");
}

// A NUL would silently end the C string.
bool HasNul(const std::string& text) { return text.find('\0') != std::string::npos; }

Status AddArgument(const std::string& argument, wasi_config_t* config) {
  const char* text = argument.c_str();
  if (HasNul(argument) || !wasi_config_set_argv(config, 1, &text)) {
    return NotWasiText("argument", argument);
  }
  return OkStatus();
}

Status AddVariable(const std::string& name, const std::string& value, wasi_config_t* config) {
  if (name.empty() || name.find('=') != std::string::npos) {
    return InvalidArgument("'" + name + "' cannot be the name of an environment variable");
  }
  const char* name_text = name.c_str();
  const char* value_text = value.c_str();
  if (HasNul(name) || HasNul(value) || !wasi_config_set_env(config, 1, &name_text, &value_text)) {
    return NotWasiText("environment variable", name);
  }
  return OkStatus();
}

Status AddPreopen(const Preopen& preopen, wasi_config_t* config) {
  const std::string where = "directory '" + preopen.host + "'";
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(preopen.host, error);
  if (!std::filesystem::exists(status)) {
    return NotFound(where + ": " + (error ? error.message() : "No such file or directory") +
                    " (directories are given as HOST or HOST::GUEST)");
  }
  if (!std::filesystem::is_directory(status)) {
    return NotFound(where + ": it is not a directory; give the directory that holds the file");
  }
  if (preopen.guest.empty()) {
    return InvalidArgument(where + ": the guest's name for it is empty");
  }
  if (HasNul(preopen.host) || HasNul(preopen.guest)) return NotWasiText("directory", preopen.guest);
  errno = 0;
  if (!wasi_config_preopen_dir(config, preopen.host.c_str(), preopen.guest.c_str(),
                               preopen.writable)) {
    return NotFound(where + ": cannot open it" +
                    (errno != 0 ? std::string(": ") + std::strerror(errno) : ""));
  }
  return OkStatus();
}

}  // namespace

Result<wasmtime::WasiConfig> MakeWasiConfig(const WasiOptions& options) {
  wasmtime::WasiConfig config;
  config.inherit_stdin();
  config.inherit_stdout();
  config.inherit_stderr();
  for (const std::string& argument : options.argv) {
    WNN_RETURN_IF_ERROR(AddArgument(argument, config.capi()));
  }
  for (const auto& [name, value] : options.env) {
    WNN_RETURN_IF_ERROR(AddVariable(name, value, config.capi()));
  }
  for (const Preopen& preopen : options.preopens) {
    WNN_RETURN_IF_ERROR(AddPreopen(preopen, config.capi()));
  }
  return config;
}

}  // namespace wnn::wasm
