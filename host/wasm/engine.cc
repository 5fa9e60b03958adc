#include "host/wasm/engine.h"

#include <sys/mman.h>
#include <wasmtime.h>

#include <algorithm>
#include <utility>

namespace wnn::wasm {
namespace {

// Wasmtime's own default; the async stack, unused here, must not be smaller than the wasm stack.
constexpr uint64_t kDefaultAsyncStackBytes = uint64_t{2} << 20;

bool IsOn(std::optional<bool> feature) { return feature.value_or(false); }
bool IsOff(std::optional<bool> feature) { return !feature.value_or(true); }

// Whether this process may have address space for `n` memories of 4 GiB with their guards.
bool HasAddressSpace(uint64_t n) {
  constexpr uint64_t kSlotBytes = kMaxPooledMemoryBytes + (uint64_t{64} << 20);
  const size_t bytes = static_cast<size_t>(n * kSlotBytes);
  void* probe = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (probe == MAP_FAILED) return false;
  munmap(probe, bytes);
  return true;
}

Status CheckPooling(const PoolingOptions& pool, const MemoryOptions& memory) {
  if (memory.may_move || memory.reservation_bytes || memory.reservation_for_growth_bytes ||
      memory.guard_bytes) {
    return InvalidArgument("the pooling allocator lays memories out itself: leave out memory-*");
  }
  for (const std::optional<uint64_t>& total :
       {pool.total_core_instances, pool.total_component_instances, pool.total_memories,
        pool.total_tables}) {
    if (total.value_or(1) == 0 || total.value_or(1) > kMaxPooled) {
      return InvalidArgument("a pool of " + std::to_string(*total) + ": it can have 1 to " +
                             std::to_string(kMaxPooled));
    }
  }
  if (pool.max_memory_bytes.value_or(0) > kMaxPooledMemoryBytes) {
    return InvalidArgument("memories of a pool have at most " +
                           std::to_string(kMaxPooledMemoryBytes) + " bytes");
  }
  constexpr uint64_t kDefaultTotal = 1000;
  if (!HasAddressSpace(pool.total_memories.value_or(kDefaultTotal))) {
    return TooLarge("the system does not give this process the address space of a pool of " +
                    std::to_string(pool.total_memories.value_or(kDefaultTotal)) +
                    " memories: set pooling-total-memories");
  }
  return OkStatus();
}

// Wasmtime ends the process when its engine refuses a configuration, so that nothing which it
// would refuse may reach it.
Status Check(const EngineOptions& options) {
  const Features& f = options.features;
  if (IsOff(f.simd) && IsOn(f.relaxed_simd)) {
    return InvalidArgument("relaxed-simd needs simd: switch both on or both off");
  }
  if (IsOff(f.reference_types) && (IsOn(f.function_references) || IsOn(f.gc))) {
    return InvalidArgument("function-references and gc need reference-types");
  }
  if (IsOff(f.function_references) && IsOn(f.gc)) {
    return InvalidArgument("gc needs function-references");
  }
  if (IsOff(f.threads) && IsOn(f.shared_memory)) {
    return InvalidArgument("shared-memory needs threads");
  }
  if (options.max_wasm_stack_bytes &&
      (*options.max_wasm_stack_bytes == 0 || *options.max_wasm_stack_bytes > kMaxWasmStackBytes)) {
    return InvalidArgument("a WebAssembly stack of " +
                           std::to_string(*options.max_wasm_stack_bytes) +
                           " bytes: it can have 1 to " + std::to_string(kMaxWasmStackBytes));
  }
  if (options.pooling) WNN_RETURN_IF_ERROR(CheckPooling(*options.pooling, options.memory));
  return OkStatus();
}

void SetFeatures(const Features& f, wasm_config_t* config) {
  const std::pair<std::optional<bool>, void (*)(wasm_config_t*, bool)> setters[] = {
      {f.bulk_memory, wasmtime_config_wasm_bulk_memory_set},
      {f.custom_page_sizes, wasmtime_config_wasm_custom_page_sizes_set},
      {f.exceptions, wasmtime_config_wasm_exceptions_set},
      {f.function_references, wasmtime_config_wasm_function_references_set},
      {f.gc, wasmtime_config_wasm_gc_set},
      {f.memory64, wasmtime_config_wasm_memory64_set},
      {f.multi_memory, wasmtime_config_wasm_multi_memory_set},
      {f.multi_value, wasmtime_config_wasm_multi_value_set},
      {f.reference_types, wasmtime_config_wasm_reference_types_set},
      // Relaxed SIMD cannot stay on, as it is by default, when SIMD goes.
      {IsOff(f.simd) ? f.simd : f.relaxed_simd, wasmtime_config_wasm_relaxed_simd_set},
      {f.relaxed_simd_deterministic, wasmtime_config_wasm_relaxed_simd_deterministic_set},
      {f.shared_memory, wasmtime_config_shared_memory_set},
      {f.simd, wasmtime_config_wasm_simd_set},
      {f.tail_call, wasmtime_config_wasm_tail_call_set},
      {f.threads, wasmtime_config_wasm_threads_set},
      {f.wide_arithmetic, wasmtime_config_wasm_wide_arithmetic_set},
  };
  for (const auto& [value, set] : setters) {
    if (value) set(config, *value);
  }
}

void SetMemory(const MemoryOptions& m, wasm_config_t* config) {
  if (m.init_copy_on_write) wasmtime_config_memory_init_cow_set(config, *m.init_copy_on_write);
  if (m.may_move) wasmtime_config_memory_may_move_set(config, *m.may_move);
  if (m.reservation_bytes) {
    wasmtime_config_memory_reservation_set(config, *m.reservation_bytes);
  }
  if (m.reservation_for_growth_bytes) {
    wasmtime_config_memory_reservation_for_growth_set(config, *m.reservation_for_growth_bytes);
  }
  if (m.guard_bytes) wasmtime_config_memory_guard_size_set(config, *m.guard_bytes);
}

void SetPooling(const PoolingOptions& pool, wasm_config_t* config) {
  const std::unique_ptr<wasmtime_pooling_allocation_config_t,
                        decltype(&wasmtime_pooling_allocation_config_delete)>
      pooling(wasmtime_pooling_allocation_config_new(), wasmtime_pooling_allocation_config_delete);
  const std::pair<std::optional<uint64_t>,
                  void (*)(wasmtime_pooling_allocation_config_t*, uint32_t)>
      totals[] = {
          {pool.total_core_instances, wasmtime_pooling_allocation_config_total_core_instances_set},
          {pool.total_component_instances,
           wasmtime_pooling_allocation_config_total_component_instances_set},
          {pool.total_memories, wasmtime_pooling_allocation_config_total_memories_set},
          {pool.total_tables, wasmtime_pooling_allocation_config_total_tables_set},
      };
  for (const auto& [total, set] : totals) {
    if (total) set(pooling.get(), static_cast<uint32_t>(*total));
  }
  if (pool.max_memory_bytes) {
    wasmtime_pooling_allocation_config_max_memory_size_set(
        pooling.get(), static_cast<size_t>(*pool.max_memory_bytes));
  }
  wasmtime_pooling_allocation_strategy_set(config, pooling.get());
}

void SetCodegen(const EngineOptions& options, wasm_config_t* config) {
  switch (options.opt_level) {
    case OptLevel::kNone:
      wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_NONE);
      break;
    case OptLevel::kSpeed:
      wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED);
      break;
    case OptLevel::kSpeedAndSize:
      wasmtime_config_cranelift_opt_level_set(config, WASMTIME_OPT_LEVEL_SPEED_AND_SIZE);
      break;
  }
  switch (options.register_allocator) {
    case RegisterAllocator::kBacktracking:
      wasmtime_config_cranelift_regalloc_algorithm_set(config, WASMTIME_REGALLOC_BACKTRACKING);
      break;
    case RegisterAllocator::kSinglePass:
      wasmtime_config_cranelift_regalloc_algorithm_set(config, WASMTIME_REGALLOC_SINGLE_PASS);
      break;
  }
  wasmtime_config_cranelift_nan_canonicalization_set(config, options.nan_canonicalization);
  wasmtime_config_parallel_compilation_set(config, options.parallel_compilation);
  wasmtime_config_signals_based_traps_set(config, options.signals_based_traps);
  if (options.max_wasm_stack_bytes) {
    wasmtime_config_max_wasm_stack_set(config, *options.max_wasm_stack_bytes);
    wasmtime_config_async_stack_size_set(
        config, std::max(kDefaultAsyncStackBytes, *options.max_wasm_stack_bytes));
  }
}

void SetCache(const CacheOptions& cache, Logger* log, wasm_config_t* config) {
  if (!cache.enabled) return;
  const char* file = cache.config_file.empty() ? nullptr : cache.config_file.c_str();
  wasmtime_error_t* raw_error = wasmtime_config_cache_config_load(config, file);
  if (raw_error == nullptr) return;
  wasmtime::Error error(raw_error);
  if (log == nullptr) return;
  log->Log(LogLevel::kWarn, "compiled modules will not be cached: " + error.message());
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::Create(const EngineOptions& options) {
  WNN_RETURN_IF_ERROR(Check(options));
  wasmtime::Config config;
  SetFeatures(options.features, config.capi());
  SetMemory(options.memory, config.capi());
  if (options.pooling) SetPooling(*options.pooling, config.capi());
  SetCodegen(options, config.capi());
  SetCache(options.cache, options.log, config.capi());
  wasmtime_config_consume_fuel_set(config.capi(), options.meters_fuel);
  wasmtime_config_epoch_interruption_set(config.capi(), options.interruptible);
  return std::unique_ptr<Engine>(new Engine(wasmtime::Engine(std::move(config)), options));
}

std::string WasmtimeVersion() { return WASMTIME_VERSION; }

}  // namespace wnn::wasm
