#include "host/wasm/module.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>

namespace wnn::wasm {
namespace {

enum class FileKind { kModule, kComponent, kPrecompiled, kText, kOther };

bool StartsWith(std::span<const std::byte> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::memcmp(bytes.data(), prefix.data(), prefix.size()) == 0;
}

// The text format begins, after blanks, with a list or a comment and has no NUL.
bool LooksLikeText(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && (text[first] == '(' || text[first] == ';') &&
         text.find('\0') == std::string_view::npos;
}

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

FileKind KindOf(std::span<const std::byte> bytes) {
  using std::string_view_literals::operator""sv;
  if (StartsWith(bytes, "\0asm"sv)) {
    // Bytes 6 and 7 are the layer: 0 for core modules, 1 for components.
    const bool is_component = bytes.size() >= 8 && bytes[6] == std::byte{1};
    return is_component ? FileKind::kComponent : FileKind::kModule;
  }
  if (StartsWith(bytes,
                 "\x7f"
                 "ELF"sv)) {
    return FileKind::kPrecompiled;
  }
  return LooksLikeText(AsText(bytes)) ? FileKind::kText : FileKind::kOther;
}

Status ComponentsAreUnsupported() {
  return Unsupported(
      "this is a component, which this host cannot run yet: build a core module (for Rust, "
      "--target wasm32-wasip1) that imports wasi_ephemeral_nn");
}

Result<std::vector<uint8_t>> AssembleText(std::span<const std::byte> bytes) {
  auto binary = wasmtime::wat2wasm(AsText(bytes));
  if (!binary) {
    return InvalidArgument("not a valid WebAssembly text file: " + binary.err().message());
  }
  return binary.ok();
}

// Pipes as well as files, so that a shell's <(...) can be a module.
Result<std::vector<std::byte>> ReadFile(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return NotFound("it is a directory, not a WebAssembly module");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFound(std::string("cannot open it: ") + std::strerror(errno));
  constexpr size_t kChunkBytes = size_t{1} << 20;
  std::vector<std::byte> bytes;
  while (file) {
    const size_t size_bytes = bytes.size();
    bytes.resize(size_bytes + kChunkBytes);
    file.read(reinterpret_cast<char*>(bytes.data() + size_bytes), kChunkBytes);
    bytes.resize(size_bytes + static_cast<size_t>(file.gcount()));
  }
  if (file.bad()) return NotFound(std::string("cannot read it: ") + std::strerror(errno));
  return bytes;
}

// The binary format of what `bytes` hold. Text is assembled into `storage`, else it is not used.
Result<std::span<const uint8_t>> ToBinary(std::span<const std::byte> bytes,
                                          std::vector<uint8_t>& storage) {
  switch (KindOf(bytes)) {
    case FileKind::kModule:
      return std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    case FileKind::kComponent: return ComponentsAreUnsupported();
    case FileKind::kPrecompiled:
      return Unsupported(
          "this is a native or precompiled file: give the .wasm file that it was made from "
          "(compiled code is cached anyway)");
    case FileKind::kOther:
      return InvalidArgument(
          bytes.empty() ? "the file is empty"
                        : "not a WebAssembly module: it begins neither with the binary format's "
                          "\\0asm nor as the text format");
    case FileKind::kText: break;
  }
  WNN_ASSIGN_OR_RETURN(storage, AssembleText(bytes));
  if (KindOf(std::as_bytes(std::span(storage))) == FileKind::kComponent) {
    return ComponentsAreUnsupported();
  }
  return std::span<const uint8_t>(storage);
}

Result<wasmtime::Module> CompileBytes(Engine& engine, std::span<const std::byte> bytes) {
  std::vector<uint8_t> storage;
  WNN_ASSIGN_OR_RETURN(std::span<const uint8_t> binary, ToBinary(bytes, storage));
  wasmtime_module_t* module = nullptr;
  wasmtime_error_t* error =
      wasmtime_module_new(engine.get().capi(), binary.data(), binary.size(), &module);
  if (error != nullptr) {
    std::string message = wasmtime::Error(error).message();
    message.erase(message.find_last_not_of('\n') + 1);
    return InvalidArgument("not a valid WebAssembly module: " + message);
  }
  return wasmtime::Module(module);
}

}  // namespace

Result<std::unique_ptr<Module>> Module::Load(Engine& engine, const std::filesystem::path& path) {
  Result<std::vector<std::byte>> bytes = ReadFile(path);
  if (!bytes) return std::move(bytes.error()).WithContext("module '" + path.string() + "'");
  return Compile(engine, *bytes, path.string());
}

Result<std::unique_ptr<Module>> Module::Compile(Engine& engine, std::span<const std::byte> bytes,
                                                std::string name) {
  Result<wasmtime::Module> module = CompileBytes(engine, bytes);
  if (!module) return std::move(module.error()).WithContext("module '" + name + "'");
  return std::unique_ptr<Module>(new Module(std::move(*module), std::move(name)));
}

std::vector<std::string> Module::ExportedFunctions() const {
  wasm_exporttype_vec_t exports;
  wasmtime_module_exports(module_.capi(), &exports);
  std::vector<std::string> names;
  for (const wasm_exporttype_t* item : std::span(exports.data, exports.size)) {
    if (wasm_externtype_kind(wasm_exporttype_type(item)) != WASM_EXTERN_FUNC) continue;
    const wasm_name_t* name = wasm_exporttype_name(item);
    names.emplace_back(name->data, name->size);
  }
  wasm_exporttype_vec_delete(&exports);
  return names;
}

}  // namespace wnn::wasm
