// An instance of nn_component.wat: its functions, and its memory through them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>
#include <wasmtime.hh>
#include <wasmtime/component.hh>

#include "engine/base/status.h"
#include "host/abi/wit/guest.h"
#include "host/wasm/engine.h"
#include "host/wasm/module.h"

namespace wnn::bench {

// Thread-compatible. Lifetime: engine and `nn` outlive it.
class ComponentGuest {
 public:
  static Result<std::unique_ptr<ComponentGuest>> Create(wasm::Engine& engine,
                                                        const wasm::Module& component,
                                                        abi::WitGuest& nn);
  ComponentGuest(const ComponentGuest&) = delete;
  ComponentGuest& operator=(const ComponentGuest&) = delete;

  // Room that stays, aligned to 64 bytes.
  Result<uint32_t> Reserve(size_t size_bytes);
  // REQUIRES: room up to the next whole word.
  Status Write(uint32_t address, std::span<const std::byte> bytes);
  Status WriteU32s(uint32_t address, std::initializer_list<uint32_t> values);
  Status Read(uint32_t address, std::span<std::byte> bytes);

  Result<uint32_t> Load(uint32_t target) { return CallU32(load_, {target}); }
  Result<uint32_t> Infer() { return CallU32(infer_, {}); }

 private:
  using Func = std::optional<wasmtime::component::Func>;

  explicit ComponentGuest(wasm::Engine& engine)
      : store_(engine.get()), linker_(engine.get()), instance_({}) {}
  Status Instantiate(const wasm::Module& component, abi::WitGuest& nn);
  Status FindFunctions();
  // kRuntimeError when it traps.
  Status Call(const Func& function, std::span<const wasmtime_component_val_t> args,
              std::span<wasmtime_component_val_t> results);
  Result<uint32_t> CallU32(const Func& function, std::initializer_list<uint32_t> args);

  wasmtime::Store store_;
  wasmtime::component::Linker linker_;
  wasmtime::component::Instance instance_;
  Func reserve_, write_, read_, load_, infer_;
};

}  // namespace wnn::bench
