#include "host/abi/witx/witx.h"

#include <array>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "host/abi/error_codes.h"
#include "host/abi/witx/calls.h"
#include "host/abi/witx/guest_memory.h"

namespace wnn::abi {
namespace {

constexpr std::string_view kModule = "wasi_ephemeral_nn";
constexpr std::string_view kExtensionModule = "wasi_nn_onnx";
// Asks for what the last refusal said, and so does not count as one.
constexpr std::string_view kLastError = "last_error";

// What one definition in a linker owns.
struct Import {
  const WitxFunction* function;
  std::shared_ptr<const SessionOf> session_of;
  WitxDialect dialect;
};

void LogRefusal(Logger& log, const WitxFunction& function, const Status& status) {
  if (status.ok()) return;
  const bool asks_for_size = function.tells_size && status.code() == Code::kTooLarge;
  const LogLevel level = asks_for_size ? LogLevel::kDebug : LogLevel::kWarn;
  if (!log.Enabled(level)) return;
  log.Log(level, "wasi-nn " + std::string(function.name) + ": " +
                     std::string(CodeName(status.code())) + ": " + std::string(status.message()));
}

Status RunImport(const Import& import, wasmtime_caller_t* caller, const uint32_t* args) {
  nn::Session& session = (*import.session_of)(wasmtime_caller_context(caller));
  Status status;
  try {
    auto memory = GuestMemory::Of(caller);
    if (memory) {
      WitxCall call{session, std::move(*memory), import.dialect};
      status = import.function->run(call, args);
    } else {
      status = std::move(memory.error());
    }
  } catch (const std::bad_alloc&) {
    status = TooLarge("the host is out of memory");
  } catch (const std::exception& e) {
    status = Internal(e.what());
  }
  LogRefusal(session.environment().log(), *import.function, status);
  if (!status.ok() && import.function->name != kLastError) {
    session.set_last_error(status.message());
  }
  return status;
}

int32_t ErrnoNumber(WitxDialect dialect, Errno error) {
  return dialect == WitxDialect::kOld ? OldErrnoNumber(error) : static_cast<int32_t>(error);
}

wasm_trap_t* CallImport(void* env, wasmtime_caller_t* caller, wasmtime_val_raw_t* values,
                        size_t /*n_values*/) {
  const Import& import = *static_cast<const Import*>(env);
  std::array<uint32_t, kMaxWitxParams> args{};
  for (size_t i = 0; i < import.function->n_params; ++i) {
    args[i] = static_cast<uint32_t>(values[i].i32);
  }
  values[0].i32 = ErrnoNumber(import.dialect, ErrnoOf(RunImport(import, caller, args.data())));
  return nullptr;
}

void DeleteImport(void* env) { delete static_cast<Import*>(env); }

struct DeleteFuncType {
  void operator()(wasm_functype_t* type) const { wasm_functype_delete(type); }
};

std::unique_ptr<wasm_functype_t, DeleteFuncType> MakeType(size_t n_params) {
  std::array<wasm_valtype_t*, kMaxWitxParams> param_types{};
  for (size_t i = 0; i < n_params; ++i) param_types[i] = wasm_valtype_new_i32();
  wasm_valtype_t* result_type = wasm_valtype_new_i32();
  wasm_valtype_vec_t params;
  wasm_valtype_vec_t results;
  wasm_valtype_vec_new(&params, n_params, param_types.data());
  wasm_valtype_vec_new(&results, 1, &result_type);
  return std::unique_ptr<wasm_functype_t, DeleteFuncType>(wasm_functype_new(&params, &results));
}

Status AddFunctions(wasmtime_linker_t* linker, std::string_view module,
                    std::span<const WitxFunction> functions, SessionOf session_of,
                    WitxDialect dialect) {
  auto shared_session_of = std::make_shared<const SessionOf>(std::move(session_of));
  for (const WitxFunction& function : functions) {
    auto type = MakeType(function.n_params);
    // The linker owns the import from here on, and deletes it also when it refuses the name.
    auto* import = new Import{&function, shared_session_of, dialect};
    wasmtime_error_t* error = wasmtime_linker_define_func_unchecked(
        linker, module.data(), module.size(), function.name.data(), function.name.size(),
        type.get(), CallImport, import, DeleteImport);
    if (error != nullptr) {
      wasm_name_t message;
      wasmtime_error_message(error, &message);
      Status status = InvalidArgument(std::string(message.data, message.size));
      wasm_name_delete(&message);
      wasmtime_error_delete(error);
      return std::move(status).WithContext("adding " + std::string(module) + " to the linker");
    }
  }
  return OkStatus();
}

}  // namespace

Status AddWitxToLinker(wasmtime_linker_t* linker, SessionOf session_of, WitxDialect dialect) {
  return AddFunctions(linker, kModule, WitxFunctions(), std::move(session_of), dialect);
}

Status AddExtensionToLinker(wasmtime_linker_t* linker, SessionOf session_of, WitxDialect dialect) {
  return AddFunctions(linker, kExtensionModule, ExtensionFunctions(), std::move(session_of),
                      dialect);
}

}  // namespace wnn::abi
