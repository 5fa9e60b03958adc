#include "host/cli/groups.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

namespace wnn::cli {
namespace {

using Value = std::optional<std::string_view>;

struct Key {
  std::string_view name;
  std::string_view value;  // as people read it: "=N", or "[=y|n]" for a switch
  std::string_view help;
  Status (*apply)(Value value, Options& options);
};

template <typename T, typename Target>
Status Set(Result<T> value, Target& target) {
  if (!value) return std::move(value.error());
  target = *std::move(value);
  return OkStatus();
}

Result<std::string_view> Required(Value value) {
  if (!value || value->empty()) return InvalidArgument("it needs a value");
  return *value;
}

Result<uint64_t> Count(Value value) {
  WNN_ASSIGN_OR_RETURN(std::string_view text, Required(value));
  return ParseCount(text);
}

Result<wasm::OptLevel> ParseOptLevel(Value value) {
  if (value == "0") return wasm::OptLevel::kNone;
  if (value == "1" || value == "2") return wasm::OptLevel::kSpeed;
  if (value == "s") return wasm::OptLevel::kSpeedAndSize;
  return InvalidArgument("it is 0, 1, 2 or s");
}

Result<wasm::RegisterAllocator> ParseRegisterAllocator(Value value) {
  if (value == "backtracking") return wasm::RegisterAllocator::kBacktracking;
  if (value == "single-pass") return wasm::RegisterAllocator::kSinglePass;
  return InvalidArgument("it is backtracking or single-pass");
}

Status SetTimeout(Value value, Options& options) {
  WNN_ASSIGN_OR_RETURN(std::string_view text, Required(value));
  WNN_ASSIGN_OR_RETURN(options.timeout, ParseDuration(text));
  options.engine.interruptible = true;
  return OkStatus();
}

Status SetFuel(Value value, Options& options) {
  WNN_ASSIGN_OR_RETURN(options.fuel, Count(value));
  options.engine.meters_fuel = true;
  return OkStatus();
}

Status SetCacheFile(Value value, Options& options) {
  WNN_ASSIGN_OR_RETURN(std::string_view file, Required(value));
  options.engine.cache.config_file = file;
  return OkStatus();
}

Status AddModel(Value value, Options& options) {
  WNN_ASSIGN_OR_RETURN(std::string_view text, Required(value));
  WNN_ASSIGN_OR_RETURN(nn::NamedModel model, ParseNnGraph(text));
  options.models.push_back(std::move(model));
  return OkStatus();
}

// Of the engine, which has one from now on.
wasm::PoolingOptions& Pool(Options& options) {
  if (!options.engine.pooling) options.engine.pooling.emplace();
  return *options.engine.pooling;
}

constexpr std::string_view kSwitch = "[=y|n]";

constexpr Key kOptimizeKeys[] = {
    {"memory-guard-size", "=N", "bytes of guard pages after each linear memory",
     [](Value v, Options& o) { return Set(Count(v), o.engine.memory.guard_bytes); }},
    {"memory-init-cow", kSwitch, "initialise linear memories by copy-on-write mappings",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.memory.init_copy_on_write); }},
    {"memory-may-move", kSwitch, "let linear memories move when they grow",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.memory.may_move); }},
    {"memory-reservation", "=N", "bytes of address space reserved for each linear memory",
     [](Value v, Options& o) { return Set(Count(v), o.engine.memory.reservation_bytes); }},
    {"memory-reservation-for-growth", "=N", "bytes reserved beyond a memory that may move",
     [](Value v, Options& o) {
       return Set(Count(v), o.engine.memory.reservation_for_growth_bytes);
     }},
    {"opt-level", "=0|1|2|s", "optimise compiled code: not, for speed (default), and for size",
     [](Value v, Options& o) { return Set(ParseOptLevel(v), o.engine.opt_level); }},
    {"pooling-allocator", kSwitch, "take instances out of a pool",
     [](Value v, Options& o) {
       bool wanted = false;
       WNN_RETURN_IF_ERROR(Set(ParseBool(v), wanted));
       if (!wanted) o.engine.pooling.reset();
       if (wanted) Pool(o);
       return OkStatus();
     }},
    {"pooling-max-memory-size", "=N", "bytes of a pool's linear memories",
     [](Value v, Options& o) { return Set(Count(v), Pool(o).max_memory_bytes); }},
    {"pooling-total-component-instances", "=N", "component instances of a pool",
     [](Value v, Options& o) { return Set(Count(v), Pool(o).total_component_instances); }},
    {"pooling-total-core-instances", "=N", "core instances of a pool",
     [](Value v, Options& o) { return Set(Count(v), Pool(o).total_core_instances); }},
    {"pooling-total-memories", "=N", "linear memories of a pool",
     [](Value v, Options& o) { return Set(Count(v), Pool(o).total_memories); }},
    {"pooling-total-tables", "=N", "tables of a pool",
     [](Value v, Options& o) { return Set(Count(v), Pool(o).total_tables); }},
    {"regalloc-algorithm", "=backtracking|single-pass", "good code, or quick compilation",
     [](Value v, Options& o) {
       return Set(ParseRegisterAllocator(v), o.engine.register_allocator);
     }},
    {"signals-based-traps", kSwitch, "catch traps by signals rather than by checks",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.signals_based_traps); }},
};

constexpr Key kCodegenKeys[] = {
    {"cache", kSwitch, "keep compiled modules on disk (default)",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.cache.enabled); }},
    {"cache-config", "=FILE", "as --cache", SetCacheFile},
    {"parallel-compilation", kSwitch, "compile functions in several threads (default)",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.parallel_compilation); }},
};

constexpr Key kWasmKeys[] = {
    {"fuel", "=N", "trap after about N instructions", SetFuel},
    {"timeout", "=TIME", "trap after TIME: 500ms, 2s, 1m; also ends computes", SetTimeout},
    {"max-memory-size", "=N", "bytes that a linear memory may have",
     [](Value v, Options& o) { return Set(Count(v), o.limits.max_memory_bytes); }},
    {"max-table-elements", "=N", "elements that a table may have",
     [](Value v, Options& o) { return Set(Count(v), o.limits.max_table_elements); }},
    {"max-instances", "=N", "instances that there may be",
     [](Value v, Options& o) { return Set(Count(v), o.limits.max_instances); }},
    {"max-tables", "=N", "tables that there may be",
     [](Value v, Options& o) { return Set(Count(v), o.limits.max_tables); }},
    {"max-memories", "=N", "linear memories that there may be",
     [](Value v, Options& o) { return Set(Count(v), o.limits.max_memories); }},
    {"max-wasm-stack", "=N", "bytes of stack for WebAssembly code, at most 4194304",
     [](Value v, Options& o) { return Set(Count(v), o.engine.max_wasm_stack_bytes); }},
    {"nan-canonicalization", kSwitch, "make every NaN the same NaN",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.nan_canonicalization); }},
    {"bulk-memory", kSwitch, "the bulk memory proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.bulk_memory); }},
    {"custom-page-sizes", kSwitch, "the custom page sizes proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.custom_page_sizes); }},
    {"exceptions", kSwitch, "the exception handling proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.exceptions); }},
    {"function-references", kSwitch, "the typed function references proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.function_references); }},
    {"gc", kSwitch, "the garbage collection proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.gc); }},
    {"memory64", kSwitch, "the 64-bit memory proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.memory64); }},
    {"multi-memory", kSwitch, "the multiple memories proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.multi_memory); }},
    {"multi-value", kSwitch, "the multi-value proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.multi_value); }},
    {"reference-types", kSwitch, "the reference types proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.reference_types); }},
    {"relaxed-simd", kSwitch, "the relaxed SIMD proposal (default)",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.relaxed_simd); }},
    {"relaxed-simd-deterministic", kSwitch, "the same results on every machine, but slower",
     [](Value v, Options& o) {
       return Set(ParseBool(v), o.engine.features.relaxed_simd_deterministic);
     }},
    {"shared-memory", kSwitch, "let modules create shared memories",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.shared_memory); }},
    {"simd", kSwitch, "the SIMD proposal (default)",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.simd); }},
    {"tail-call", kSwitch, "the tail call proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.tail_call); }},
    {"threads", kSwitch, "the threads proposal (default)",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.threads); }},
    {"wide-arithmetic", kSwitch, "the wide arithmetic proposal",
     [](Value v, Options& o) { return Set(ParseBool(v), o.engine.features.wide_arithmetic); }},
};

constexpr Key kWasiKeys[] = {
    {"http", kSwitch, "offer outbound HTTP to components; --allow-http says which hosts",
     [](Value v, Options& o) { return Set(ParseBool(v), o.http); }},
    {"inherit-env", kSwitch, "pass on our whole environment",
     [](Value v, Options& o) { return Set(ParseBool(v), o.inherit_env); }},
    {"nn", kSwitch, "offer WASI-NN (default)",
     [](Value v, Options& o) { return Set(ParseBool(v), o.nn); }},
    {"nn-extension", kSwitch, "with it what models are, state, names: wasi_nn_onnx (default)",
     [](Value v, Options& o) { return Set(ParseBool(v), o.nn_extension); }},
    {"nn-graph", "=onnx::DIR", "as --nn-graph", AddModel},
};

Result<uint32_t> SmallCount(Value value) {
  WNN_ASSIGN_OR_RETURN(const uint64_t count, Count(value));
  if (count > std::numeric_limits<uint32_t>::max()) return InvalidArgument("it is too large");
  return static_cast<uint32_t>(count);
}

Status SetCallTime(Value value, Options& options) {
  WNN_ASSIGN_OR_RETURN(std::string_view text, Required(value));
  WNN_ASSIGN_OR_RETURN(options.nn_limits.max_call_time, ParseDuration(text));
  return OkStatus();
}

constexpr Key kNnLimitKeys[] = {
    {"call-time", "=TIME", "of one load or compute: 500ms, 2s, 1m (default: none but -W timeout)",
     SetCallTime},
    {"contexts", "=N", "execution contexts at a time (default 65536)",
     [](Value v, Options& o) { return Set(SmallCount(v), o.nn_limits.max_contexts); }},
    {"graphs", "=N", "graphs at a time (default 1024)",
     [](Value v, Options& o) { return Set(SmallCount(v), o.nn_limits.max_graphs); }},
    {"memory", "=N", "bytes of the host's memory in all (default 8 GiB)",
     [](Value v, Options& o) { return Set(Count(v), o.nn_limits.max_memory_bytes); }},
    {"model-bytes", "=N", "of one model (default 2 GiB)",
     [](Value v, Options& o) { return Set(Count(v), o.model_limits.max_model_bytes); }},
    {"model-memory", "=N", "bytes of one model's weights, and of one context (default 8 GiB)",
     [](Value v, Options& o) { return Set(Count(v), o.model_limits.max_memory_bytes); }},
    {"nodes", "=N", "of one model, functions expanded (default 100000)",
     [](Value v, Options& o) { return Set(Count(v), o.model_limits.max_nodes); }},
    {"tensor-bytes", "=N", "of one tensor (default 2 GiB)",
     [](Value v, Options& o) { return Set(Count(v), o.model_limits.max_tensor_bytes); }},
};

struct GroupInfo {
  std::string_view option;
  std::span<const Key> keys;
};

GroupInfo InfoOf(Group group) {
  switch (group) {
    case Group::kOptimize: return {"-O", kOptimizeKeys};
    case Group::kCodegen: return {"-C", kCodegenKeys};
    case Group::kWasm: return {"-W", kWasmKeys};
    case Group::kWasi: return {"-S", kWasiKeys};
    case Group::kNnLimits: return {"--nn-limit", kNnLimitKeys};
  }
  return {};
}

Status UnknownKey(const GroupInfo& info, std::string_view name) {
  std::string known;
  for (const Key& key : info.keys) known += (known.empty() ? "" : ", ") + std::string(key.name);
  return InvalidArgument(std::string(info.option) + " has no key '" + std::string(name) +
                         "'; it has " + known);
}

Status ApplyKey(const GroupInfo& info, std::string_view word, Options& options) {
  const size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  Value value;
  if (equals != std::string_view::npos) value = word.substr(equals + 1);
  for (const Key& key : info.keys) {
    if (key.name != name) continue;
    return key.apply(value, options)
        .WithContext(std::string(info.option) + " " + std::string(name));
  }
  return UnknownKey(info, name);
}

}  // namespace

Status ApplyGroup(Group group, std::string_view text, Options& options) {
  const GroupInfo info = InfoOf(group);
  while (true) {
    const size_t comma = text.find(',');
    WNN_RETURN_IF_ERROR(ApplyKey(info, text.substr(0, comma), options));
    if (comma == std::string_view::npos) return OkStatus();
    text.remove_prefix(comma + 1);
  }
}

std::string DescribeGroup(Group group) {
  const GroupInfo info = InfoOf(group);
  constexpr size_t kHelpColumn = 42;
  std::string text = std::string(info.option) + " KEY[=VALUE],... with the keys\n";
  for (const Key& key : info.keys) {
    std::string line = "  " + std::string(key.name) + std::string(key.value);
    line.resize(std::max(line.size() + 2, kHelpColumn), ' ');
    text += line + std::string(key.help) + "\n";
  }
  return text;
}

}  // namespace wnn::cli
