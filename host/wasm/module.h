// A compiled WebAssembly program: a core module or a component, told apart by its bytes.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>
#include <wasmtime.hh>
#include <wasmtime/component.hh>

#include "engine/base/status.h"
#include "host/wasm/engine.h"

namespace wnn::wasm {

// What to do with code that was compiled before. It is machine code, which runs with all rights of
// the process: allow it only where its file is trusted as the host's own executable is.
enum class Precompiled { kRefuse, kAllow };

// Immutable and thread-safe.
class Module {
 public:
  // Reads `path` and compiles it. kNotFound if it cannot be read; else as Compile.
  static Result<std::unique_ptr<Module>> Load(Engine& engine, const std::filesystem::path& path,
                                              Precompiled precompiled = Precompiled::kRefuse);

  // Compiles a module or component in the binary or the text format, or takes it from the engine's
  // cache. `name` is what errors call it. kInvalidArgument if the bytes are neither or do not
  // validate, or, where precompiled code is allowed, were compiled for another version, machine or
  // configuration; kUnsupportedOperation for precompiled code where it is not.
  static Result<std::unique_ptr<Module>> Compile(Engine& engine, std::span<const std::byte> bytes,
                                                 std::string name,
                                                 Precompiled precompiled = Precompiled::kRefuse);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const std::string& name() const { return name_; }
  bool is_component() const {
    return std::holds_alternative<wasmtime::component::Component>(code_);
  }
  // "module" or "component".
  std::string_view kind() const { return is_component() ? "component" : "module"; }
  // The compiled code as bytes, for an engine of the same version and configuration on a machine
  // with the same instructions.
  Result<std::vector<std::byte>> Serialize() const;
  // In the program's order. A component's instances' functions are written INSTANCE#FUNCTION.
  std::vector<std::string> ExportedFunctions() const;

  // REQUIRES: !is_component()
  const wasmtime::Module& get() const { return *std::get_if<wasmtime::Module>(&code_); }
  // REQUIRES: is_component()
  const wasmtime::component::Component& component() const {
    return *std::get_if<wasmtime::component::Component>(&code_);
  }

 private:
  using Code = std::variant<wasmtime::Module, wasmtime::component::Component>;

  Module(wasmtime::Engine engine, Code code, std::string name)
      : engine_(std::move(engine)), code_(std::move(code)), name_(std::move(name)) {}

  static Result<Code> CompileBytes(Engine& engine, std::span<const std::byte> bytes,
                                   Precompiled precompiled);

  wasmtime::Engine engine_;
  Code code_;
  std::string name_;
};

}  // namespace wnn::wasm
