#include <span>
#include <string_view>
#include <utility>

#include "host/abi/witx/witx.h"
#include "host/wasm/guest.h"
#include "host/wasm/value.h"

namespace wnn::wasm {
namespace {

using Clock = std::chrono::steady_clock;

// Takes over what Wasmtime's calls leave behind. A Status is an error that is no trap: the host's.
Result<CallEnd> TakeEnd(wasmtime_error_t* raw_error, wasm_trap_t* raw_trap) {
  if (raw_trap != nullptr) {
    std::string message = wasmtime::Trap(raw_trap).message();
    message.erase(message.find_last_not_of('\n') + 1);
    return CallEnd(Trapped{std::move(message)});
  }
  if (raw_error == nullptr) return CallEnd();
  wasmtime::Error error(raw_error);
  if (std::optional<int32_t> code = error.i32_exit()) return CallEnd(Exited{*code});
  if (CameFromWebAssembly(error.capi())) return CallEnd(Trapped{MessageOf(error)});
  return RuntimeError(MessageOf(error));
}

std::string Name(const wasm_name_t* name) { return std::string(name->data, name->size); }

class CoreGuest final : public Guest {
 public:
  CoreGuest(Engine& engine, const Module& module, const RunOptions& options)
      : module_(module),
        options_(options),
        store_(engine.get()),
        context_(store_.context().capi()),
        linker_(engine.get()) {}

  Status Prepare(std::optional<Clock::time_point> deadline) override;
  Result<CallEnd> Instantiate() override;
  // Calls `_initialize`, if there is one.
  Result<CallEnd> Initialize() override;
  Result<CallEnd> Call(std::vector<std::string>& results) override;

 private:
  Status AddNn(std::optional<Clock::time_point> deadline);
  Status CheckImports() const;
  std::optional<wasmtime_func_t> FindFunction(std::string_view name);
  Result<std::optional<wasmtime_func_t>> ChooseFunction();
  Result<CallEnd> CallFunction(const wasmtime_func_t& function,
                               std::span<const wasmtime_val_t> arguments,
                               std::span<wasmtime_val_t> results);

  const Module& module_;
  const RunOptions& options_;
  std::unique_ptr<nn::Session> session_;  // outlives the linker, whose functions use it
  wasmtime::Store store_;
  wasmtime_context_t* context_;
  wasmtime::Linker linker_;
  wasmtime_instance_t instance_{};
};

Status CoreGuest::AddNn(std::optional<Clock::time_point> deadline) {
  session_ = MakeSession(options_, deadline);
  const abi::SessionOf session_of =
      [session = session_.get()](wasmtime_context_t*) -> nn::Session& { return *session; };
  WNN_RETURN_IF_ERROR(abi::AddWitxToLinker(linker_.capi(), session_of, options_.witx_dialect));
  if (!options_.nn_extension) return OkStatus();
  return abi::AddExtensionToLinker(linker_.capi(), session_of, options_.witx_dialect);
}

Status CoreGuest::Prepare(std::optional<Clock::time_point> deadline) {
  WNN_RETURN_IF_ERROR(PrepareStore(options_, deadline, store_));
  WNN_RETURN_IF_ERROR(ToStatus(wasmtime_linker_define_wasi(linker_.capi())));
  if (options_.nn != nullptr) WNN_RETURN_IF_ERROR(AddNn(deadline));
  return CheckImports();
}

Status CoreGuest::CheckImports() const {
  wasm_importtype_vec_t imports;
  wasmtime_module_imports(module_.get().capi(), &imports);
  std::vector<std::string> missing;
  bool wants_nn = false;
  for (const wasm_importtype_t* item : std::span(imports.data, imports.size)) {
    const wasm_name_t* space = wasm_importtype_module(item);
    const wasm_name_t* name = wasm_importtype_name(item);
    wasmtime_extern_t found;
    if (wasmtime_linker_get(linker_.capi(), context_, space->data, space->size, name->data,
                            name->size, &found)) {
      wasmtime_extern_delete(&found);
      continue;
    }
    missing.push_back(Name(space) + "::" + Name(name));
    wants_nn = wants_nn || Name(space) == "wasi_ephemeral_nn" || Name(space) == "wasi_nn_onnx";
  }
  wasm_importtype_vec_delete(&imports);
  if (missing.empty()) return OkStatus();
  std::string message = "module '" + module_.name() +
                        "' imports what this host does not have: " + Join(missing) +
                        "\nIt has wasi_snapshot_preview1";
  message += options_.nn == nullptr  ? "."
             : options_.nn_extension ? ", wasi_ephemeral_nn and wasi_nn_onnx."
                                     : " and wasi_ephemeral_nn.";
  if (wants_nn && options_.nn == nullptr) message += " WASI-NN is switched off.";
  return NotFound(std::move(message));
}

Result<CallEnd> CoreGuest::Instantiate() {
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error = wasmtime_linker_instantiate(linker_.capi(), context_,
                                                        module_.get().capi(), &instance_, &trap);
  Result<CallEnd> end = TakeEnd(error, trap);
  if (!end) return std::move(end.error()).WithContext("instantiating '" + module_.name() + "'");
  return end;
}

std::optional<wasmtime_func_t> CoreGuest::FindFunction(std::string_view name) {
  wasmtime_extern_t item;
  if (!wasmtime_instance_export_get(context_, &instance_, name.data(), name.size(), &item)) {
    return std::nullopt;
  }
  std::optional<wasmtime_func_t> function;
  if (item.kind == WASMTIME_EXTERN_FUNC) function = item.of.func;
  wasmtime_extern_delete(&item);
  return function;
}

// Nothing when the module has no function that is run by default.
Result<std::optional<wasmtime_func_t>> CoreGuest::ChooseFunction() {
  if (!options_.function) {
    std::optional<wasmtime_func_t> function = FindFunction("");
    return function ? function : FindFunction("_start");
  }
  std::optional<wasmtime_func_t> function = FindFunction(*options_.function);
  if (function) return function;
  return NoSuchFunction(module_, *options_.function);
}

Result<CallEnd> CoreGuest::CallFunction(const wasmtime_func_t& function,
                                        std::span<const wasmtime_val_t> arguments,
                                        std::span<wasmtime_val_t> results) {
  wasm_trap_t* trap = nullptr;
  wasmtime_error_t* error =
      wasmtime_func_call(context_, &function, arguments.data(), arguments.size(), results.data(),
                         results.size(), &trap);
  return TakeEnd(error, trap);
}

Result<CallEnd> CoreGuest::Initialize() {
  std::optional<wasmtime_func_t> function = FindFunction("_initialize");
  if (!function) return CallEnd();
  return CallFunction(*function, {}, {});
}

Result<CallEnd> CoreGuest::Call(std::vector<std::string>& results) {
  WNN_ASSIGN_OR_RETURN(std::optional<wasmtime_func_t> function, ChooseFunction());
  if (!function) {
    if (!FindFunction("_initialize")) WarnOfNothingToRun(module_, options_, "_start");
    return CallEnd();
  }
  const std::unique_ptr<wasm_functype_t, decltype(&wasm_functype_delete)> type(
      wasmtime_func_type(context_, &*function), wasm_functype_delete);
  Result<std::vector<wasmtime_val_t>> arguments =
      ParseArguments(type.get(), options_.function_arguments);
  if (!arguments) {
    return std::move(arguments.error())
        .WithContext("calling '" + options_.function.value_or("_start") + "'");
  }
  std::vector<wasmtime_val_t> values(wasm_functype_results(type.get())->size);
  WNN_ASSIGN_OR_RETURN(CallEnd end, CallFunction(*function, *arguments, values));
  if (!std::holds_alternative<std::monostate>(end)) return end;
  for (wasmtime_val_t& value : values) {
    if (options_.function) results.push_back(FormatValue(value));
    wasmtime_val_unroot(&value);
  }
  return end;
}

}  // namespace

std::unique_ptr<Guest> MakeCoreGuest(Engine& engine, const Module& module,
                                     const RunOptions& options) {
  return std::make_unique<CoreGuest>(engine, module, options);
}

}  // namespace wnn::wasm
