// Wasmtime's engine: compiles modules under one configuration and keeps compiled code in Wasmtime's
// on-disk cache.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <wasmtime.hh>

#include "engine/base/log.h"
#include "engine/base/status.h"

namespace wnn::wasm {

enum class OptLevel { kNone, kSpeed, kSpeedAndSize };
enum class RegisterAllocator { kBacktracking, kSinglePass };

struct CacheOptions {
  bool enabled = true;
  std::string config_file;  // Wasmtime's cache configuration (TOML); empty: its default one
};

// WebAssembly proposals; nothing means Wasmtime's default.
struct Features {
  std::optional<bool> bulk_memory;
  std::optional<bool> custom_page_sizes;
  std::optional<bool> exceptions;
  std::optional<bool> function_references;
  std::optional<bool> gc;
  std::optional<bool> memory64;
  std::optional<bool> multi_memory;
  std::optional<bool> multi_value;
  std::optional<bool> reference_types;
  std::optional<bool> relaxed_simd;
  std::optional<bool> relaxed_simd_deterministic;
  std::optional<bool> shared_memory;
  std::optional<bool> simd;
  std::optional<bool> tail_call;
  std::optional<bool> threads;
  std::optional<bool> wide_arithmetic;
};

// How linear memories are laid out; nothing means Wasmtime's default.
struct MemoryOptions {
  std::optional<bool> init_copy_on_write;
  std::optional<bool> may_move;
  std::optional<uint64_t> reservation_bytes;
  std::optional<uint64_t> reservation_for_growth_bytes;
  std::optional<uint64_t> guard_bytes;
};

// Instances come out of a pool whose address space is reserved once, and go back into it: for
// processes with many guests that live shortly. Nothing means Wasmtime's default, 1000 of each.
struct PoolingOptions {
  std::optional<uint64_t> total_core_instances;  // at a time, as the others; 1 to kMaxPooled
  std::optional<uint64_t> total_component_instances;
  std::optional<uint64_t> total_memories;
  std::optional<uint64_t> total_tables;
  std::optional<uint64_t> max_memory_bytes;  // of each linear memory, at most kMaxPooledMemoryBytes
};
inline constexpr uint64_t kMaxPooled = 10'000;
inline constexpr uint64_t kMaxPooledMemoryBytes = uint64_t{4} << 30;

// The stack that a guest may use at most: the host's own functions run on the rest of the thread's
// stack, which is 8 MiB on most systems.
inline constexpr uint64_t kMaxWasmStackBytes = uint64_t{4} << 20;

struct EngineOptions {
  OptLevel opt_level = OptLevel::kSpeed;
  RegisterAllocator register_allocator = RegisterAllocator::kBacktracking;
  CacheOptions cache;
  Features features;
  MemoryOptions memory;
  // Nothing: each instance has its memory from the system. With a pool, Wasmtime lays memories out,
  // and of `memory` only init_copy_on_write may be set.
  std::optional<PoolingOptions> pooling;
  std::optional<uint64_t> max_wasm_stack_bytes;  // 1 to kMaxWasmStackBytes
  bool meters_fuel = false;                      // for guests run with RunOptions::fuel
  bool interruptible = false;                    // for guests run with RunOptions::timeout
  bool nan_canonicalization = false;
  bool parallel_compilation = true;
  bool signals_based_traps = true;
  Logger* log = nullptr;  // null drops messages. Lifetime: outlives the call.
};

// Thread-safe: modules may be compiled and guests may run in several threads.
class Engine {
 public:
  // kInvalidArgument for options that exclude each other or leave their range. A cache that cannot
  // be used is a warning in the log, not an error.
  static Result<std::unique_ptr<Engine>> Create(const EngineOptions& options);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  bool meters_fuel() const { return meters_fuel_; }
  bool interruptible() const { return interruptible_; }
  wasmtime::Engine& get() { return engine_; }

 private:
  Engine(wasmtime::Engine engine, const EngineOptions& options)
      : engine_(std::move(engine)),
        meters_fuel_(options.meters_fuel),
        interruptible_(options.interruptible) {}

  wasmtime::Engine engine_;
  bool meters_fuel_;
  bool interruptible_;
};

// "48.0.8"
std::string WasmtimeVersion();

}  // namespace wnn::wasm
