// A compiled core module.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <wasmtime.hh>

#include "engine/base/status.h"
#include "host/wasm/engine.h"

namespace wnn::wasm {

// Immutable and thread-safe.
class Module {
 public:
  // Reads `path` and compiles it. kNotFound if it cannot be read; else as Compile.
  static Result<std::unique_ptr<Module>> Load(Engine& engine, const std::filesystem::path& path);

  // Compiles a module in the binary or the text format, or takes it from the engine's cache.
  // `name` is what errors call it. kInvalidArgument if the bytes are neither or do not validate,
  // kUnsupportedOperation for components and precompiled modules.
  static Result<std::unique_ptr<Module>> Compile(Engine& engine, std::span<const std::byte> bytes,
                                                 std::string name);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& name() const { return name_; }
  // In the module's order.
  std::vector<std::string> ExportedFunctions() const;
  const wasmtime::Module& get() const { return module_; }

 private:
  Module(wasmtime::Module module, std::string name)
      : module_(std::move(module)), name_(std::move(name)) {}

  wasmtime::Module module_;
  std::string name_;
};

}  // namespace wnn::wasm
