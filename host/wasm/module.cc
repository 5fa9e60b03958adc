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
    case FileKind::kComponent:
      return std::span(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    case FileKind::kPrecompiled:
      return Unsupported(
          "this is a native or precompiled file: give the .wasm file that it was made from "
          "(compiled code is cached anyway), or, if you trust it as you trust this program, "
          "--allow-precompiled");
    case FileKind::kOther:
      return InvalidArgument(
          bytes.empty() ? "the file is empty"
                        : "not a WebAssembly module: it begins neither with the binary format's "
                          "\\0asm nor as the text format");
    case FileKind::kText: break;
  }
  WNN_ASSIGN_OR_RETURN(storage, AssembleText(bytes));
  return std::span<const uint8_t>(storage);
}

Status NotValid(std::string_view kind, wasmtime_error_t* error) {
  std::string message = wasmtime::Error(error).message();
  message.erase(message.find_last_not_of('\n') + 1);
  return InvalidArgument("not a valid WebAssembly " + std::string(kind) + ": " + message);
}

Result<wasmtime::Module> CompileModule(Engine& engine, std::span<const uint8_t> binary) {
  wasmtime_module_t* module = nullptr;
  wasmtime_error_t* error =
      wasmtime_module_new(engine.get().capi(), binary.data(), binary.size(), &module);
  if (error != nullptr) return NotValid("module", error);
  return wasmtime::Module(module);
}

Result<wasmtime::component::Component> CompileComponent(Engine& engine,
                                                        std::span<const uint8_t> binary) {
  wasmtime_component_t* component = nullptr;
  wasmtime_error_t* error =
      wasmtime_component_new(engine.get().capi(), binary.data(), binary.size(), &component);
  if (error != nullptr) return NotValid("component", error);
  return wasmtime::component::Component(component);
}

wasmtime::Error TakeError(wasmtime_error_t* error) { return wasmtime::Error(error); }

// Code as Module::Serialize gives it. Which of the two it is, only trying tells.
Result<std::variant<wasmtime::Module, wasmtime::component::Component>> Deserialize(
    Engine& engine, std::span<const std::byte> bytes) {
  using Code = std::variant<wasmtime::Module, wasmtime::component::Component>;
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  wasmtime_module_t* module = nullptr;
  wasmtime_error_t* error =
      wasmtime_module_deserialize(engine.get().capi(), data, bytes.size(), &module);
  if (error == nullptr) return Code(wasmtime::Module(module));
  std::string message = TakeError(error).message();
  wasmtime_component_t* component = nullptr;
  error = wasmtime_component_deserialize(engine.get().capi(), data, bytes.size(), &component);
  if (error == nullptr) return Code(wasmtime::component::Component(component));
  // Each of the two says of the other's code that it is that.
  const std::string other = TakeError(error).message();
  if (message.find("component") != std::string::npos) message = other;
  message.erase(message.find_last_not_of('\n') + 1);
  return InvalidArgument("precompiled code that does not run here: " + message +
                         "\nCompile it anew, with the options that it is run with");
}

std::vector<std::string> FunctionsOf(const wasmtime::Module& module) {
  wasm_exporttype_vec_t exports;
  wasmtime_module_exports(module.capi(), &exports);
  std::vector<std::string> names;
  for (const wasm_exporttype_t* item : std::span(exports.data, exports.size)) {
    if (wasm_externtype_kind(wasm_exporttype_type(item)) != WASM_EXTERN_FUNC) continue;
    const wasm_name_t* name = wasm_exporttype_name(item);
    names.emplace_back(name->data, name->size);
  }
  wasm_exporttype_vec_delete(&exports);
  return names;
}

// `type`: a component's or an instance's. `prefix` goes before each name.
template <typename Type>
void AddFunctions(const wasmtime::Engine& engine, const Type& type, const std::string& prefix,
                  std::vector<std::string>& names) {
  for (size_t i = 0; i < type.export_count(engine); ++i) {
    const auto item = type.export_nth(engine, i);
    if (!item) continue;
    const std::string name = prefix + std::string(item->first);
    if (item->second.is_component_func()) names.push_back(name);
    // Instances within instances cannot be written down in the INSTANCE#FUNCTION form.
    if (item->second.is_component_instance() && prefix.empty()) {
      AddFunctions(engine, item->second.component_instance(), name + "#", names);
    }
  }
}

}  // namespace

Result<Module::Code> Module::CompileBytes(Engine& engine, std::span<const std::byte> bytes,
                                          Precompiled precompiled) {
  if (precompiled == Precompiled::kAllow && KindOf(bytes) == FileKind::kPrecompiled) {
    return Deserialize(engine, bytes);
  }
  std::vector<uint8_t> storage;
  WNN_ASSIGN_OR_RETURN(const std::span<const uint8_t> binary, ToBinary(bytes, storage));
  if (KindOf(std::as_bytes(binary)) == FileKind::kComponent) {
    WNN_ASSIGN_OR_RETURN(auto component, CompileComponent(engine, binary));
    return Code(std::move(component));
  }
  WNN_ASSIGN_OR_RETURN(auto module, CompileModule(engine, binary));
  return Code(std::move(module));
}

Result<std::unique_ptr<Module>> Module::Load(Engine& engine, const std::filesystem::path& path,
                                             Precompiled precompiled) {
  Result<std::vector<std::byte>> bytes = ReadFile(path);
  if (!bytes) return std::move(bytes.error()).WithContext("module '" + path.string() + "'");
  return Compile(engine, *bytes, path.string(), precompiled);
}

Result<std::unique_ptr<Module>> Module::Compile(Engine& engine, std::span<const std::byte> bytes,
                                                std::string name, Precompiled precompiled) {
  Result<Code> code = CompileBytes(engine, bytes, precompiled);
  if (!code) return std::move(code.error()).WithContext("module '" + name + "'");
  return std::unique_ptr<Module>(new Module(engine.get(), std::move(*code), std::move(name)));
}

Result<std::vector<std::byte>> Module::Serialize() const {
  wasm_byte_vec_t bytes;
  wasmtime_error_t* error = is_component()
                                ? wasmtime_component_serialize(component().capi(), &bytes)
                                : wasmtime_module_serialize(get().capi(), &bytes);
  if (error != nullptr) return RuntimeError(TakeError(error).message());
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data);
  std::vector<std::byte> copy(data, data + bytes.size);
  wasm_byte_vec_delete(&bytes);
  return copy;
}

std::vector<std::string> Module::ExportedFunctions() const {
  if (!is_component()) return FunctionsOf(get());
  const wasmtime::component::ComponentType type(wasmtime_component_type(component().capi()));
  std::vector<std::string> names;
  AddFunctions(engine_, type, "", names);
  return names;
}

}  // namespace wnn::wasm
