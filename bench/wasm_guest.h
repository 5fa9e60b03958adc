// A WebAssembly instance with WASI and WASI-NN, whose memory the benchmark fills and whose
// functions it calls.
#pragma once

#include <wasmtime.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <wasmtime.hh>

#include "engine/base/status.h"
#include "host/nn/session.h"
#include "host/wasm/engine.h"
#include "host/wasm/module.h"

namespace wnn::bench {

// A module whose imports are resolved once, for many instances. Immutable and thread-safe.
// Lifetime: the engine and the session outlive it.
class PreparedModule {
 public:
  // `session`: as WasmGuest::Create.
  static Result<std::unique_ptr<PreparedModule>> Create(wasm::Engine& engine,
                                                        const wasm::Module& module,
                                                        nn::Session* session);
  PreparedModule(const PreparedModule&) = delete;
  PreparedModule& operator=(const PreparedModule&) = delete;
  ~PreparedModule() { wasmtime_instance_pre_delete(prepared_); }

  const std::string& name() const { return name_; }
  const wasmtime_instance_pre_t* get() const { return prepared_; }

 private:
  PreparedModule(wasm::Engine& engine, std::string name)
      : linker_(engine.get()), name_(std::move(name)) {}

  wasmtime::Linker linker_;
  const std::string name_;
  wasmtime_instance_pre_t* prepared_ = nullptr;
};

// Thread-compatible. Lifetime: engine, session and what was prepared outlive it.
class WasmGuest {
 public:
  // Everything that a new guest needs: store, WASI with no rights, imports, instance. `session`:
  // what WASI-NN's calls use; null leaves WASI-NN out. kInvalidArgument when the module exports no
  // memory.
  static Result<std::unique_ptr<WasmGuest>> Create(wasm::Engine& engine, const wasm::Module& module,
                                                   nn::Session* session);
  static Result<std::unique_ptr<WasmGuest>> Create(wasm::Engine& engine,
                                                   const PreparedModule& module);
  WasmGuest(const WasmGuest&) = delete;
  WasmGuest& operator=(const WasmGuest&) = delete;

  // Grows the memory by at least `size_bytes` and returns where they begin, aligned to a page.
  Result<uint32_t> Reserve(size_t size_bytes);
  // The guest's memory from `address` on. REQUIRES: it is inside. Valid until Reserve or Call.
  std::span<std::byte> Bytes(uint32_t address, size_t size_bytes);
  void StoreU32(uint32_t address, uint32_t value);
  uint32_t LoadU32(uint32_t address);

  // An exported function of i32s that returns an i32.
  Result<wasmtime_func_t> Find(std::string_view name);
  // kRuntimeError when it traps. REQUIRES: at most four arguments.
  Result<int32_t> Call(const wasmtime_func_t& function, std::initializer_list<uint32_t> args = {});

 private:
  explicit WasmGuest(wasm::Engine& engine)
      : store_(engine.get()), context_(store_.context().capi()) {}
  Status Instantiate(const PreparedModule& module);
  // Calls `_initialize`, where a module has one.
  Status Initialize();

  wasmtime::Store store_;
  wasmtime_context_t* context_;
  // What the instance alone uses; null where several share it.
  std::unique_ptr<PreparedModule> own_module_;
  wasmtime_instance_t instance_{};
  wasmtime_memory_t memory_{};
};

}  // namespace wnn::bench
