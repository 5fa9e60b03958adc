#include "tests/abi/guest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <iterator>

#include "host/abi/witx/witx.h"

namespace wnn::testing {
namespace {

constexpr const char* kNn = "wasi_ephemeral_nn";
constexpr const char* kExtension = "wasi_nn_onnx";
constexpr HostFunction kFunctions[] = {
    {kNn, "load", 5},
    {kNn, "load_by_name", 3},
    {kNn, "init_execution_context", 2},
    {kNn, "set_input", 3},
    {kNn, "compute", 1},
    {kNn, "get_output", 5},
    {kNn, "load_by_name_with_config", 5},
    {kNn, "unload", 1},
    {kNn, "finalize_execution_context", 1},
    {kNn, "compute_single", 1},
    {kNn, "get_output_single", 5},
    {kNn, "fini_single", 1},
    {kExtension, "value_count", 3},
    {kExtension, "value_index", 5},
    {kExtension, "value_name", 6},
    {kExtension, "value_type", 4},
    {kExtension, "value_dims", 6},
    {kExtension, "value_dim_name", 7},
    {kExtension, "output_dims", 5},
    {kExtension, "output_dims_by_name", 6},
    {kExtension, "output_type", 3},
    {kExtension, "output_type_by_name", 4},
    {kExtension, "set_input_by_name", 4},
    {kExtension, "get_output_by_name", 6},
    {kExtension, "bind_output", 3},
    {kExtension, "unbind_input", 2},
    {kExtension, "bind_output_by_name", 5},
    {kExtension, "unbind_input_by_name", 3},
    {kExtension, "metadata", 5},
    {kExtension, "property_count", 2},
    {kExtension, "property_key", 5},
    {kExtension, "property", 6},
    {kExtension, "last_error", 3},
};

[[noreturn]] void Die(std::string_view message) {
  std::cerr << message << "\n";
  std::abort();
}

template <typename T, typename E>
T OrDie(wasmtime::Result<T, E> result) {
  if (!result) Die(result.err().message());
  return result.ok();
}

const char* Declaration(GuestMemoryKind memory) {
  switch (memory) {
    case GuestMemoryKind::kExported: return "(memory (export \"memory\") 64)";
    case GuestMemoryKind::kShared: return "(memory (export \"memory\") 64 64 shared)";
    case GuestMemoryKind::kMissing: return "(memory 64)";
  }
  return "";
}

// A module that hands every function on under its own name, so that a test can call it with any
// arguments, on a memory that the test fills.
std::string Source(const char* memory) {
  std::string imports, exports;
  for (const HostFunction& function : kFunctions) {
    std::string params, gets;
    for (size_t i = 0; i < function.n_params; ++i) {
      params += " i32";
      gets += " (local.get " + std::to_string(i) + ")";
    }
    const std::string name = function.name;
    const std::string type = " (param" + params + ") (result i32)";
    imports += "(import \"" + std::string(function.module) + "\" \"" + name + "\" (func $" + name +
               type + "))\n";
    exports += "(func (export \"" + name + "\")" + type + " (call $" + name + gets + "))\n";
  }
  return "(module\n" + imports + memory + "\n" + exports + ")";
}

wasmtime::Engine NewEngine() {
  wasmtime::Config config;
  config.wasm_threads(true);
  wasmtime_config_shared_memory_set(config.capi(), true);
  return wasmtime::Engine(std::move(config));
}

}  // namespace

std::span<const HostFunction> HostFunctions() { return kFunctions; }

Guest::Guest(nn::Session& session, GuestMemoryKind memory, abi::WitxDialect dialect)
    : engine_(NewEngine()), store_(engine_), dialect_(dialect) {
  Instantiate(session, Declaration(memory), nullptr);
}

Guest::Guest(nn::Session& session, const Guest& first)
    : engine_(first.engine_), store_(engine_), dialect_(first.dialect_) {
  wasmtime_extern_t shared;
  shared.kind = WASMTIME_EXTERN_SHAREDMEMORY;
  shared.of.sharedmemory = wasmtime_sharedmemory_clone(first.memory_.of.sharedmemory);
  Instantiate(session, "(memory (export \"memory\") (import \"env\" \"memory\") 64 64 shared)",
              &shared);
  wasmtime_extern_delete(&shared);
  next_free_ = kMemoryBytes / 2;
}

Guest::~Guest() { wasmtime_extern_delete(&memory_); }

void Guest::Instantiate(nn::Session& session, const char* memory, wasmtime_extern_t* shared) {
  wasmtime::Linker linker(engine_);
  const abi::SessionOf session_of = [&session](wasmtime_context_t*) -> nn::Session& {
    return session;
  };
  Status status = abi::AddWitxToLinker(linker.capi(), session_of, dialect_);
  if (status.ok()) status = abi::AddExtensionToLinker(linker.capi(), session_of, dialect_);
  if (!status.ok()) Die(status.message());
  wasmtime_context_t* context = store_.context().capi();
  if (shared != nullptr &&
      wasmtime_linker_define(linker.capi(), context, "env", 3, "memory", 6, shared) != nullptr) {
    Die("the shared memory cannot be defined");
  }
  auto module = OrDie(wasmtime::Module::compile(engine_, Source(memory)));
  wasmtime_instance_t raw;
  wasm_trap_t* trap = nullptr;
  if (wasmtime_linker_instantiate(linker.capi(), context, module.capi(), &raw, &trap) != nullptr ||
      trap != nullptr) {
    Die("the test's module cannot be instantiated");
  }
  wasmtime::Instance instance(raw);
  for (const HostFunction& function : kFunctions) {
    functions_.push_back(std::get<wasmtime::Func>(*instance.get(store_, function.name)));
  }
  // wasmtime.hh has no class for shared memories.
  wasmtime_instance_export_get(context, &raw, "memory", 6, &memory_);
  if (memory_.kind == WASMTIME_EXTERN_SHAREDMEMORY && shared == nullptr) end_ = kMemoryBytes / 2;
}

std::span<std::byte> Guest::memory() {
  auto* data = memory_.kind == WASMTIME_EXTERN_SHAREDMEMORY
                   ? wasmtime_sharedmemory_data(memory_.of.sharedmemory)
                   : wasmtime_memory_data(store_.context().capi(), &memory_.of.memory);
  return {reinterpret_cast<std::byte*>(data), kMemoryBytes};
}

abi::Errno Guest::Call(std::string_view function, const std::vector<uint32_t>& args) {
  const auto found = std::ranges::find(kFunctions, function, &HostFunction::name);
  if (found == std::end(kFunctions)) Die("there is no host function " + std::string(function));
  const auto index = static_cast<size_t>(found - std::begin(kFunctions));
  std::vector<wasmtime::Val> values;
  for (uint32_t arg : args) values.emplace_back(static_cast<int32_t>(arg));
  auto results = functions_[index].call(store_, values);
  if (!results) {
    ADD_FAILURE() << function << " trapped: " << results.err().message();
    return abi::Errno{0xffff};
  }
  return static_cast<abi::Errno>(results.ok()[0].i32());
}

uint32_t Guest::Reserve(uint32_t size) {
  next_free_ = (next_free_ + 7) / 8 * 8;
  const uint32_t address = next_free_;
  next_free_ += size;
  if (next_free_ > end_) Die("the guest's memory is full");
  std::memset(memory().data() + address, 0xff, size);
  return address;
}

uint32_t Guest::Put(std::span<const std::byte> bytes, uint32_t alignment) {
  const uint32_t room = Reserve(static_cast<uint32_t>(bytes.size()) + alignment);
  // Room is a multiple of 8: the address is a multiple of `alignment`, and of nothing larger.
  const uint32_t address = room + alignment % 8;
  if (!bytes.empty()) std::memcpy(memory().data() + address, bytes.data(), bytes.size());
  return address;
}

uint32_t Guest::PutU32s(const std::vector<uint32_t>& values, uint32_t alignment) {
  return Put(std::as_bytes(std::span(values)), alignment);
}

uint32_t Guest::ReadU32(uint32_t address) {
  uint32_t value;
  std::memcpy(&value, memory().data() + address, sizeof(value));
  return value;
}

abi::Errno Guest::Load(std::span<const std::byte> model, uint32_t* graph, uint32_t encoding,
                       uint32_t target) {
  const uint32_t data = Put(model);
  const uint32_t builder = PutU32s({data, static_cast<uint32_t>(model.size())});
  const uint32_t out = Reserve(4);
  const abi::Errno error = Call("load", {builder, 1, encoding, target, out});
  *graph = ReadU32(out);
  return error;
}

abi::Errno Guest::LoadByName(std::string_view name, uint32_t* graph) {
  const uint32_t address = Put(std::as_bytes(std::span(name)));
  const uint32_t out = Reserve(4);
  const abi::Errno error = Call("load_by_name", {address, static_cast<uint32_t>(name.size()), out});
  *graph = ReadU32(out);
  return error;
}

abi::Errno Guest::LoadByNameWithConfig(std::string_view name, std::string_view config,
                                       uint32_t* graph) {
  const uint32_t name_address = Put(std::as_bytes(std::span(name)));
  const uint32_t config_address = Put(std::as_bytes(std::span(config)));
  const uint32_t out = Reserve(4);
  const abi::Errno error =
      Call("load_by_name_with_config", {name_address, static_cast<uint32_t>(name.size()),
                                        config_address, static_cast<uint32_t>(config.size()), out});
  *graph = ReadU32(out);
  return error;
}

abi::Errno Guest::InitExecutionContext(uint32_t graph, uint32_t* context) {
  const uint32_t out = Reserve(4);
  const abi::Errno error = Call("init_execution_context", {graph, out});
  *context = ReadU32(out);
  return error;
}

uint32_t Guest::PutTensor(const std::vector<uint32_t>& dims, uint32_t tag,
                          std::span<const std::byte> data) {
  const uint32_t dims_address = PutU32s(dims);
  const uint32_t data_address = Put(data);
  // Only the first byte of the tag counts: the others are what some bindings leave there.
  return PutU32s({dims_address, static_cast<uint32_t>(dims.size()), 0xabcdef00 | tag, data_address,
                  static_cast<uint32_t>(data.size())});
}

abi::Errno Guest::SetInput(uint32_t context, uint32_t index, const std::vector<uint32_t>& dims,
                           uint32_t tag, std::span<const std::byte> data) {
  return Call("set_input", {context, index, PutTensor(dims, tag, data)});
}

abi::Errno Guest::GetOutput(uint32_t context, uint32_t index, uint32_t max_size,
                            std::vector<std::byte>* data, uint32_t* size) {
  const uint32_t buffer = Reserve(max_size);
  const uint32_t out = Reserve(4);
  const abi::Errno error = Call("get_output", {context, index, buffer, max_size, out});
  *size = ReadU32(out);
  const auto bytes = memory().subspan(buffer, std::min(*size, max_size));
  data->assign(bytes.begin(), bytes.end());
  return error;
}

}  // namespace wnn::testing
