#include "bench/wasm_guest.h"

#include <cstring>
#include <utility>

#include "host/abi/witx/witx.h"
#include "host/wasm/wasi.h"

namespace wnn::bench {
namespace {

Status ToStatus(wasmtime_error_t* error, wasm_trap_t* trap = nullptr) {
  if (trap != nullptr) return RuntimeError(wasmtime::Trap(trap).message());
  if (error != nullptr) return RuntimeError(wasmtime::Error(error).message());
  return OkStatus();
}

}  // namespace

Result<std::unique_ptr<PreparedModule>> PreparedModule::Create(wasm::Engine& engine,
                                                               const wasm::Module& module,
                                                               nn::Session* session) {
  std::unique_ptr<PreparedModule> prepared(new PreparedModule(engine, module.name()));
  wasmtime_linker_t* linker = prepared->linker_.capi();
  WNN_RETURN_IF_ERROR(ToStatus(wasmtime_linker_define_wasi(linker)));
  if (session != nullptr) {
    WNN_RETURN_IF_ERROR(abi::AddWitxToLinker(
        linker, [session](wasmtime_context_t*) -> nn::Session& { return *session; }));
  }
  WNN_RETURN_IF_ERROR(
      ToStatus(wasmtime_linker_instantiate_pre(linker, module.get().capi(), &prepared->prepared_))
          .WithContext(module.name()));
  return prepared;
}

Result<std::unique_ptr<WasmGuest>> WasmGuest::Create(wasm::Engine& engine,
                                                     const wasm::Module& module,
                                                     nn::Session* session) {
  WNN_ASSIGN_OR_RETURN(auto prepared, PreparedModule::Create(engine, module, session));
  WNN_ASSIGN_OR_RETURN(auto guest, Create(engine, *prepared));
  guest->own_module_ = std::move(prepared);
  return guest;
}

Result<std::unique_ptr<WasmGuest>> WasmGuest::Create(wasm::Engine& engine,
                                                     const PreparedModule& module) {
  std::unique_ptr<WasmGuest> guest(new WasmGuest(engine));
  Status status = guest->Instantiate(module);
  if (!status.ok()) return std::move(status).WithContext(module.name());
  return guest;
}

Status WasmGuest::Instantiate(const PreparedModule& module) {
  wasm::WasiOptions wasi_options;
  wasi_options.argv = {"bench"};
  WNN_ASSIGN_OR_RETURN(wasmtime::WasiConfig wasi, wasm::MakeWasiConfig(wasi_options));
  WNN_RETURN_IF_ERROR(ToStatus(wasmtime_context_set_wasi(context_, wasi.capi_release())));
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error =
      wasmtime_instance_pre_instantiate(module.get(), context_, &instance_, &trap);
  WNN_RETURN_IF_ERROR(ToStatus(error, trap));
  wasmtime_extern_t memory;
  constexpr std::string_view kMemory = "memory";
  if (!wasmtime_instance_export_get(context_, &instance_, kMemory.data(), kMemory.size(),
                                    &memory)) {
    return InvalidArgument("it exports no memory");
  }
  const bool is_memory = memory.kind == WASMTIME_EXTERN_MEMORY;
  if (is_memory) memory_ = memory.of.memory;
  wasmtime_extern_delete(&memory);
  if (!is_memory) return InvalidArgument("its export 'memory' is no unshared memory");
  return Initialize();
}

Status WasmGuest::Initialize() {
  const auto initialize = Find("_initialize");
  if (!initialize) return OkStatus();
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error =
      wasmtime_func_call(context_, &*initialize, nullptr, 0, nullptr, 0, &trap);
  return ToStatus(error, trap);
}

Result<uint32_t> WasmGuest::Reserve(size_t size_bytes) {
  const uint64_t page_bytes = wasmtime_memory_page_size(context_, &memory_);
  uint64_t old_pages = 0;
  WNN_RETURN_IF_ERROR(ToStatus(wasmtime_memory_grow(
      context_, &memory_, (size_bytes + page_bytes - 1) / page_bytes, &old_pages)));
  return static_cast<uint32_t>(old_pages * page_bytes);
}

std::span<std::byte> WasmGuest::Bytes(uint32_t address, size_t size_bytes) {
  auto* data = reinterpret_cast<std::byte*>(wasmtime_memory_data(context_, &memory_));
  return {data + address, size_bytes};
}

void WasmGuest::StoreU32(uint32_t address, uint32_t value) {
  std::memcpy(Bytes(address, sizeof(value)).data(), &value, sizeof(value));
}

uint32_t WasmGuest::LoadU32(uint32_t address) {
  uint32_t value;
  std::memcpy(&value, Bytes(address, sizeof(value)).data(), sizeof(value));
  return value;
}

Result<wasmtime_func_t> WasmGuest::Find(std::string_view name) {
  wasmtime_extern_t item;
  const std::string missing = "the guest exports no function '" + std::string(name) + "'";
  if (!wasmtime_instance_export_get(context_, &instance_, name.data(), name.size(), &item)) {
    return NotFound(missing);
  }
  const bool is_function = item.kind == WASMTIME_EXTERN_FUNC;
  const wasmtime_func_t function = is_function ? item.of.func : wasmtime_func_t{};
  wasmtime_extern_delete(&item);
  if (!is_function) return NotFound(missing);
  return function;
}

Result<int32_t> WasmGuest::Call(const wasmtime_func_t& function,
                                std::initializer_list<uint32_t> args) {
  wasmtime_val_t values[4];
  wasmtime_val_t* next = values;
  for (uint32_t arg : args) {
    next->kind = WASMTIME_I32;
    next->of.i32 = static_cast<int32_t>(arg);
    ++next;
  }
  wasmtime_val_t result;
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error =
      wasmtime_func_call(context_, &function, values, args.size(), &result, 1, &trap);
  WNN_RETURN_IF_ERROR(ToStatus(error, trap));
  return result.of.i32;
}

}  // namespace wnn::bench
