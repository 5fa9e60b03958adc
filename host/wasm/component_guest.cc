#include <string_view>
#include <utility>
#include <wasmtime/component.hh>

#include "host/abi/wit/wit.h"
#include "host/wasm/component_value.h"
#include "host/wasm/guest.h"
#include "rust/component_bridge.h"

namespace wnn::wasm {
namespace {

using Clock = std::chrono::steady_clock;
using wasmtime::component::ExportIndex;
using wasmtime::component::Func;
using wasmtime::component::Val;

// The interface that commands export, whatever its patch version.
constexpr std::string_view kRunInterface = "wasi:cli/run@0.2.";

class ComponentGuest final : public Guest {
 public:
  ComponentGuest(Engine& engine, const Module& module, const RunOptions& options)
      : module_(module),
        options_(options),
        store_(engine.get()),
        linker_(engine.get()),
        instance_({}) {}

  Status Prepare(std::optional<Clock::time_point> deadline) override;
  Result<CallEnd> Instantiate() override;
  // Components have no such step.
  Result<CallEnd> Initialize() override { return CallEnd(); }
  Result<CallEnd> Call(std::vector<std::string>& results) override;

 private:
  Status AddNn(std::optional<Clock::time_point> deadline);
  Status AddHttp(std::optional<Clock::time_point> deadline);
  Status CheckImports() const;
  Result<std::string> PathOf(const std::string& name) const;
  std::optional<Func> FindFunction(std::string_view path);
  Result<CallEnd> RunCommand();
  Result<CallEnd> Invoke(const std::string& function, std::vector<std::string>& results);

  const Module& module_;
  const RunOptions& options_;
  std::unique_ptr<nn::Session> session_;
  std::unique_ptr<abi::WitGuest> nn_;
  HttpGate http_;  // these three outlive the linker, whose functions use them
  wasmtime::Store store_;
  wasmtime::component::Linker linker_;
  wasmtime::component::Instance instance_;
};

Status ComponentGuest::AddNn(std::optional<Clock::time_point> deadline) {
  session_ = MakeSession(options_, deadline);
  nn_ = std::make_unique<abi::WitGuest>(*session_);
  abi::SetCallBytesLimit(store_.context().capi(), options_.nn->options().limits);
  const abi::WitGuestOf guest_of = [guest = nn_.get()](wasmtime_context_t*) -> abi::WitGuest& {
    return *guest;
  };
  WNN_RETURN_IF_ERROR(abi::AddWitToLinker(linker_.capi(), guest_of));
  if (!options_.nn_extension) return OkStatus();
  return abi::AddExtensionToLinker(linker_.capi(), guest_of);
}

Status ComponentGuest::AddHttp(std::optional<Clock::time_point> deadline) {
  http_ = {*options_.http, deadline, options_.log};
  wasmtime_context_set_wasi_http(store_.context().capi());
  return AddHttpToLinker(linker_.capi(), http_);
}

Status ComponentGuest::Prepare(std::optional<Clock::time_point> deadline) {
  WNN_RETURN_IF_ERROR(PrepareStore(options_, deadline, store_));
  WNN_RETURN_IF_ERROR(ToStatus(wasmtime_component_linker_add_wasip2(linker_.capi())));
  if (options_.nn != nullptr) WNN_RETURN_IF_ERROR(AddNn(deadline));
  if (options_.http) WNN_RETURN_IF_ERROR(AddHttp(deadline));
  return CheckImports();
}

Status ComponentGuest::CheckImports() const {
  wasmtime_error_t* error = wnn_component_check_imports(linker_.capi(), module_.component().capi());
  if (error == nullptr) return OkStatus();
  const std::string reason = MessageOf(wasmtime::Error(error));
  std::string message = "component '" + module_.name() + "': " + reason +
                        "\nThis host has the interfaces of WASI 0.2";
  if (options_.nn != nullptr) message += " and wasi:nn 0.2.0-rc-2024-10-28, -08-19 and -06-25";
  message += options_.nn != nullptr && options_.nn_extension
                 ? ", with wasi-nn-onnx:extension 0.1.0."
                 : ".";
  if (options_.nn == nullptr && (reason.find("wasi:nn/") != std::string::npos ||
                                 reason.find("wasi-nn-onnx:") != std::string::npos)) {
    message += " WASI-NN is switched off.";
  }
  if (reason.find("wasi:http/") != std::string::npos && !options_.http) {
    message += " HTTP is switched off: -S http offers it, --allow-http HOST lets requests out.";
  }
  return NotFound(std::move(message));
}

// What a call that entered the component left behind, if it failed.
CallEnd EndOf(const wasmtime::Error& error) {
  if (std::optional<int32_t> code = error.i32_exit()) return Exited{*code};
  return Trapped{MessageOf(error)};
}

Result<CallEnd> ComponentGuest::Instantiate() {
  auto instance = linker_.instantiate(store_.context(), module_.component());
  if (instance) {
    instance_ = instance.ok();
    return CallEnd();
  }
  const wasmtime::Error error = instance.err();
  if (error.i32_exit() || CameFromWebAssembly(error.capi())) return EndOf(error);
  return RuntimeError(MessageOf(error)).WithContext("instantiating '" + module_.name() + "'");
}

// The path of the function that a person calls `name`: without its instance, if no other has one of
// that name.
Result<std::string> ComponentGuest::PathOf(const std::string& name) const {
  std::vector<std::string> found;
  for (const std::string& path : module_.ExportedFunctions()) {
    if (path == name) return path;
    if (path.ends_with("#" + name)) found.push_back(path);
  }
  if (found.empty()) return NoSuchFunction(module_, name);
  if (found.size() == 1) return found.front();
  return InvalidArgument("component '" + module_.name() + "' exports several functions '" + name +
                         "'; say which: " + Join(found));
}

// `path`: as Module::ExportedFunctions has it.
std::optional<Func> ComponentGuest::FindFunction(std::string_view path) {
  std::optional<ExportIndex> instance;
  if (const size_t hash = path.find('#'); hash != std::string_view::npos) {
    instance = instance_.get_export_index(store_.context(), nullptr, path.substr(0, hash));
    if (!instance) return std::nullopt;
    path.remove_prefix(hash + 1);
  }
  const auto index =
      instance_.get_export_index(store_.context(), instance ? &*instance : nullptr, path);
  if (!index) return std::nullopt;
  return instance_.get_func(store_.context(), *index);
}

Result<CallEnd> ComponentGuest::Call(std::vector<std::string>& results) {
  if (options_.function) return Invoke(*options_.function, results);
  return RunCommand();
}

Result<CallEnd> ComponentGuest::RunCommand() {
  for (const std::string& path : module_.ExportedFunctions()) {
    if (!path.starts_with(kRunInterface) || !path.ends_with("#run")) continue;
    const std::optional<Func> run = FindFunction(path);
    if (!run) continue;
    std::vector<Val> outcome(1, Val(false));
    if (auto called = run->call(store_.context(), {}, outcome); !called) {
      return EndOf(called.err());
    }
    const bool failed = outcome[0].is_result() && !outcome[0].get_result().is_ok();
    return failed ? CallEnd(Exited{1}) : CallEnd();
  }
  WarnOfNothingToRun(module_, options_, "wasi:cli/run");
  return CallEnd();
}

Result<CallEnd> ComponentGuest::Invoke(const std::string& text, std::vector<std::string>& results) {
  Result<CallExpression> expression = ParseCallExpression(text);
  if (!expression) return std::move(expression.error()).WithContext("calling '" + text + "'");
  const std::string& name = expression->name;
  WNN_ASSIGN_OR_RETURN(const std::string path, PathOf(name));
  const std::optional<Func> function = FindFunction(path);
  if (!function) return NoSuchFunction(module_, name);
  const auto type = function->type(store_.context());
  Result<std::vector<Val>> arguments = ParseComponentArguments(
      type, expression->arguments ? *expression->arguments : options_.function_arguments);
  if (!arguments) return std::move(arguments.error()).WithContext("calling '" + name + "'");
  std::vector<Val> values(type.result() ? 1 : 0, Val(false));
  if (auto called = function->call(store_.context(), *arguments, values); !called) {
    return EndOf(called.err());
  }
  for (const Val& value : values) results.push_back(FormatComponentValue(value));
  return CallEnd();
}

}  // namespace

std::unique_ptr<Guest> MakeComponentGuest(Engine& engine, const Module& module,
                                          const RunOptions& options) {
  return std::make_unique<ComponentGuest>(engine, module, options);
}

}  // namespace wnn::wasm
