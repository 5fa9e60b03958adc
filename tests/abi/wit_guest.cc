#include "tests/abi/wit_guest.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "host/abi/wit/wit.h"

namespace wnn::testing {
namespace {

using wasmtime::component::Val;

// A function of wasi:nn as the component imports it and offers it again.
struct Import {
  std::string interface;
  std::string wit_name;
  std::string type;  // in the text format
  std::string name;  // of the core function
  size_t n_params;   // flat, all i32
  bool has_result;   // flat, an i32
};

const char kTensorType[] = R"((enum "FP16" "FP32" "FP64" "BF16" "U8" "I32" "I64"))";
const char kEncoding[] =
    R"((enum "openvino" "onnx" "tensorflow" "pytorch" "tensorflowlite" "ggml" "autodetect"))";
const char kTarget[] = R"((enum "cpu" "gpu" "tpu"))";
const char kErrorCode[] =
    R"((enum "invalid-argument" "invalid-encoding" "timeout" "runtime-error")"
    R"( "unsupported-operation" "too-large" "not-found" "security" "unknown"))";

// The extension's.
const char kDimension[] =
    R"((record (field "size" (option u32)) (field "symbol" (option string))))";
const char kValue[] =
    R"((record (field "name" string) (field "ty" (option $tensor-type)) (field "onnx-type" u32))"
    R"( (field "dimensions" (option (list $dimension)))))";
const char kMetadata[] =
    R"((record (field "producer-name" string) (field "producer-version" string))"
    R"( (field "domain" string) (field "version" s64) (field "graph-name" string))"
    R"( (field "description" string) (field "properties" (list (tuple string string)))))";

std::vector<Import> ImportsOf(WitVersion version) {
  std::vector<Import> imports = {
      {"tensor", "[constructor]tensor",
       R"((param "dimensions" (list u32)) (param "ty" $tensor-type) (param "data" (list u8)))"
       R"( (result (own $tensor)))",
       "tensor.new", 5, true},
      {"tensor", "[method]tensor.dimensions",
       R"((param "self" (borrow $tensor)) (result (list u32)))", "tensor.dimensions", 2, false},
      {"tensor", "[method]tensor.ty", R"((param "self" (borrow $tensor)) (result $tensor-type))",
       "tensor.ty", 1, true},
      {"tensor", "[method]tensor.data", R"((param "self" (borrow $tensor)) (result (list u8)))",
       "tensor.data", 2, false},
      {"errors", "[method]error.code", R"((param "self" (borrow $error)) (result $error-code))",
       "error.code", 1, true},
      {"errors", "[method]error.data", R"((param "self" (borrow $error)) (result string))",
       "error.data", 2, false},
      {"graph", "[method]graph.init-execution-context",
       R"((param "self" (borrow $graph)) (result (result (own $context) (error (own $error)))))",
       "graph.init", 2, false},
      {"graph", "load",
       R"((param "builder" (list (list u8))) (param "encoding" $graph-encoding))"
       R"( (param "target" $execution-target) (result (result (own $graph) (error (own $error)))))",
       "load", 5, false},
      {"graph", "load-by-name",
       R"((param "name" string) (result (result (own $graph) (error (own $error)))))",
       "load-by-name", 3, false},
  };
  for (const char* side : {"inputs", "outputs"}) {
    imports.push_back({"introspection", side,
                       R"((param "graph" (borrow $graph)) (result (list $value)))",
                       std::string("introspection.") + side, 2, false});
  }
  imports.push_back({"introspection", "get-metadata",
                     R"((param "graph" (borrow $graph)) (result $metadata))",
                     "introspection.metadata", 2, false});
  imports.push_back({"state", "bind-output",
                     R"((param "context" (borrow $context)) (param "output" string))"
                     R"( (param "input" string) (result (result (error (own $error)))))",
                     "state.bind-output", 6, false});
  imports.push_back({"state", "unbind-input",
                     R"((param "context" (borrow $context)) (param "input" string))"
                     R"( (result (result (error (own $error)))))",
                     "state.unbind-input", 4, false});
  const std::string context = "[method]graph-execution-context.";
  const std::string self = R"((param "self" (borrow $context)) )";
  if (version == WitVersion::k20241028) {
    const std::string named = "(list (tuple string (own $tensor)))";
    imports.push_back({"inference", context + "compute",
                       self + "(param \"inputs\" " + named + ") (result (result " + named +
                           " (error (own $error))))",
                       "context.compute", 4, false});
    return imports;
  }
  imports.push_back({"inference", context + "set-input",
                     self + R"((param "name" string) (param "tensor" (own $tensor)))"
                            R"( (result (result (error (own $error)))))",
                     "context.set-input", 5, false});
  imports.push_back({"inference", context + "compute",
                     self + "(result (result (error (own $error))))", "context.compute", 2, false});
  imports.push_back({"inference", context + "get-output",
                     self + R"((param "name" string))"
                            R"( (result (result (own $tensor) (error (own $error)))))",
                     "context.get-output", 4, false});
  if (version == WitVersion::k20240625) {
    imports.push_back({"errors", "[constructor]error",
                       R"((param "code" $error-code) (param "data" string))"
                       R"( (result (own $error)))",
                       "error.new", 3, true});
  }
  return imports;
}

std::string Repeated(const std::string& text, size_t n) {
  std::string all;
  for (size_t i = 0; i < n; ++i) all += " " + text;
  return all;
}

// (import "wasi:nn/NAME@VERSION" (instance $NAME `types` and the functions of NAME)), or the like
// for the extension's.
std::string ImportInstance(WitVersion version, const std::string& name, const std::string& types) {
  const bool is_extension = name == "introspection" || name == "state";
  const std::string path = is_extension ? "wasi-nn-onnx:extension/" + name + "@0.1.0"
                                        : "wasi:nn/" + name + "@0.2.0-rc-" + WitDate(version);
  std::string text = "(import \"" + path + "\" (instance $" + name + " " + types;
  for (const Import& import : ImportsOf(version)) {
    if (import.interface != name) continue;
    text += "\n  (export \"" + import.wit_name + "\" (func " + import.type + "))";
  }
  return text + "))\n";
}

std::string DefineType(const std::string& name, const std::string& cases) {
  return "\n  (type $" + name + "-cases " + cases + ") (export \"" + name + "\" (type $" + name +
         " (eq $" + name + "-cases)))";
}

// A resource of another instance, aliased as $`from`, under the name that interfaces use it by.
std::string Use(const std::string& from, const std::string& name, const std::string& as) {
  return "\n  (alias outer 1 $" + from + " (type $outer-" + as + ")) (export \"" + name +
         "\" (type $" + as + " (eq $outer-" + as + ")))";
}

std::string Imports(WitVersion version) {
  const auto resource = [](const std::string& name, const std::string& as) {
    return "\n  (export \"" + name + "\" (type $" + as + " (sub resource)))";
  };
  const auto alias = [](const std::string& instance, const std::string& name,
                        const std::string& as) {
    return "(alias export $" + instance + " \"" + name + "\" (type $" + as + "))\n";
  };
  const std::string error = Use("the-error", "error", "error");
  const std::string tensor = Use("the-tensor", "tensor", "tensor");
  return ImportInstance(version, "errors",
                        DefineType("error-code", kErrorCode) + resource("error", "error")) +
         alias("errors", "error", "the-error") +
         ImportInstance(version, "tensor",
                        DefineType("tensor-type", kTensorType) + resource("tensor", "tensor")) +
         alias("tensor", "tensor", "the-tensor") +
         ImportInstance(version, "inference",
                        error + tensor + resource("graph-execution-context", "context")) +
         alias("inference", "graph-execution-context", "the-context") +
         ImportInstance(version, "graph",
                        error + tensor + Use("the-context", "graph-execution-context", "context") +
                            resource("graph", "graph") + DefineType("graph-encoding", kEncoding) +
                            DefineType("execution-target", kTarget)) +
         alias("graph", "graph", "the-graph") +
         ImportInstance(version, "introspection",
                        Use("the-graph", "graph", "graph") +
                            DefineType("tensor-type", kTensorType) +
                            DefineType("dimension", kDimension) + DefineType("value", kValue) +
                            DefineType("metadata", kMetadata)) +
         ImportInstance(version, "state",
                        error + Use("the-context", "graph-execution-context", "context"));
}

// The memory, an allocator that never frees, and what the test does to the memory.
const char kMemoryModule[] = R"(
(core module $Memory
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 1024))
  (func $realloc (export "realloc") (param $old i32) (param $old-size i32) (param $align i32)
                                    (param $size i32) (result i32) (local $at i32) (local $need i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.sub (local.get $align) (i32.const 1)))
                            (i32.sub (i32.const 0) (local.get $align))))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.set $need
      (i32.sub (i32.add (i32.shr_u (global.get $next) (i32.const 16)) (i32.const 1)) (memory.size)))
    (if (i32.gt_s (local.get $need) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $need)) (i32.const -1)) (then unreachable))))
    (memory.copy (local.get $at) (local.get $old) (local.get $old-size))
    (local.get $at))
  (func (export "reserve") (param $size i32) (param $align i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (local.get $align) (local.get $size)))
  (func (export "poke") (param $at i32) (param $value i64)
    (i64.store (local.get $at) (local.get $value)))
  (func (export "peek") (param $at i32) (result i64) (i64.load (local.get $at)))
  (func (export "same") (param $a i32) (param $b i32) (param $size i32) (result i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $size)))
        (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b)))
          (then (return (i32.const 0))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.add (local.get $b) (i32.const 1)))
        (local.set $size (i32.sub (local.get $size) (i32.const 1)))
        (br $next)))
    (i32.const 1)))
(core instance $memory (instantiate $Memory))
(func (export "reserve") (param "size" u32) (param "align" u32) (result u32)
  (canon lift (core func $memory "reserve")))
(func (export "poke") (param "at" u32) (param "value" u64) (canon lift (core func $memory "poke")))
(func (export "peek") (param "at" u32) (result u64) (canon lift (core func $memory "peek")))
(func (export "same") (param "a" u32) (param "b" u32) (param "size" u32) (result u32)
  (canon lift (core func $memory "same")))
)";

const std::pair<const char*, const char*> kDrops[] = {{"tensor.drop", "the-tensor"},
                                                      {"graph.drop", "the-graph"},
                                                      {"context.drop", "the-context"},
                                                      {"error.drop", "the-error"}};

// A component's export can have no dot in its name.
std::string ExportName(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = c == '.' ? '-' : c;
  return text;
}

// Lowers $NAME, wraps it in a core function, and lifts that.
std::string Offer(const std::string& name, size_t n_params, bool has_result,
                  const std::string& lower) {
  std::string params, gets, lifted;
  for (size_t i = 0; i < n_params; ++i) {
    gets += " (local.get " + std::to_string(i) + ")";
    lifted += " (param \"p" + std::to_string(i) + "\" u32)";
  }
  params = n_params == 0 ? "" : " (param" + Repeated("i32", n_params) + ")";
  const std::string result = has_result ? " (result i32)" : "";
  return "(core func $" + name + "-lowered " + lower + ")\n(core module $" + name +
         "-module (import \"nn\" \"f\" (func $f" + params + result + "))\n  (func (export \"f\")" +
         params + result + gets + " (call $f)))\n(core instance $" + name +
         "-instance (instantiate $" + name +
         "-module (with \"nn\" (instance (export \"f\" (func $" + name +
         "-lowered))))))\n(func (export \"" + ExportName(name) + "\")" + lifted +
         (has_result ? " (result u32)" : "") + " (canon lift (core func $" + name +
         "-instance \"f\")))\n";
}

template <typename T>
T OrDie(wasmtime::Result<T> result) {
  if (!result) {
    std::cerr << result.err().message() << "\n";
    std::abort();
  }
  return result.ok();
}

}  // namespace

std::string WitDate(WitVersion version) {
  switch (version) {
    case WitVersion::k20241028: return "2024-10-28";
    case WitVersion::k20240819: return "2024-08-19";
    case WitVersion::k20240625: return "2024-06-25";
  }
  return "";
}

std::string WitGuestText(WitVersion version) {
  std::string text = "(component\n" + Imports(version) + kMemoryModule;
  for (const Import& import : ImportsOf(version)) {
    text += Offer(import.name, import.n_params, import.has_result,
                  "(canon lower (func $" + import.interface + " \"" + import.wit_name +
                      "\") (memory (core memory $memory \"memory\")) (realloc (core func $memory "
                      "\"realloc\")))");
  }
  for (const auto& [name, type] : kDrops) {
    text += Offer(name, 1, false, std::string("(canon resource.drop $") + type + ")");
  }
  return text + ")";
}

WitTestGuest::WitTestGuest(abi::WitGuest& guest, WitVersion version) : store_(engine_) {
  wasmtime::component::Linker linker(engine_);
  const abi::WitGuestOf guest_of = [&guest](wasmtime_context_t*) -> abi::WitGuest& {
    return guest;
  };
  Status status = abi::AddWitToLinker(linker.capi(), guest_of);
  if (status.ok()) status = abi::AddExtensionToLinker(linker.capi(), guest_of);
  if (!status.ok()) {
    std::cerr << status.message() << "\n";
    std::abort();
  }
  abi::SetCallBytesLimit(store_.context().capi(), guest.session().environment().options().limits);
  const auto component =
      OrDie(wasmtime::component::Component::compile(engine_, WitGuestText(version)));
  instance_ = OrDie(linker.instantiate(store_.context(), component));
  std::vector<std::string> names = {"reserve", "poke", "peek", "same"};
  for (const Import& import : ImportsOf(version)) names.push_back(import.name);
  for (const auto& [name, type] : kDrops) names.push_back(name);
  for (const std::string& name : names) {
    const auto index = instance_->get_export_index(store_.context(), nullptr, ExportName(name));
    const auto func = *instance_->get_func(store_.context(), *index);
    const bool has_result = func.type(store_.context()).result().has_value();
    functions_.emplace(name, Function{func, has_result});
  }
}

std::optional<uint64_t> WitTestGuest::TryLift(std::string_view function, std::span<Val> args) {
  const auto found = functions_.find(function);
  if (found == functions_.end()) {
    ADD_FAILURE() << "this version has no " << function;
    return std::nullopt;
  }
  const auto& [func, has_result] = found->second;
  Val result(false);
  auto called = func.call(store_.context(), {args.data(), args.size()},
                          {&result, has_result ? size_t{1} : size_t{0}});
  if (!called) {
    trap_ = called.err().message();
    return std::nullopt;
  }
  if (!has_result) return 0;
  return result.is_u64() ? result.get_u64() : result.get_u32();
}

uint64_t WitTestGuest::CallInPlace(std::string_view function,
                                   std::initializer_list<uint32_t> args) {
  std::array<Val, 8> values = {Val(false), Val(false), Val(false), Val(false),
                               Val(false), Val(false), Val(false), Val(false)};
  std::ranges::transform(args, values.begin(), [](uint32_t arg) { return Val(arg); });
  const auto result = TryLift(function, std::span(values).first(args.size()));
  if (!result) ADD_FAILURE() << function << " trapped: " << trap_;
  return result.value_or(0);
}

void WitTestGuest::Poke(uint32_t address, uint64_t value) {
  std::array<Val, 2> args = {Val(address), Val(value)};
  TryLift("poke", args);
}

std::optional<uint32_t> WitTestGuest::TryCall(std::string_view function,
                                              const std::vector<uint32_t>& args) {
  std::vector<Val> values;
  for (uint32_t arg : args) values.emplace_back(arg);
  const auto result = TryLift(function, values);
  if (!result) return std::nullopt;
  return static_cast<uint32_t>(*result);
}

uint32_t WitTestGuest::Call(std::string_view function, const std::vector<uint32_t>& args) {
  const auto result = TryCall(function, args);
  if (!result) ADD_FAILURE() << function << " trapped: " << trap_;
  return result.value_or(0);
}

uint32_t WitTestGuest::Reserve(uint32_t size, uint32_t alignment) {
  // Whole words, which is what the memory is written in.
  return Call("reserve", {(size + 7) / 8 * 8, alignment});
}

uint32_t WitTestGuest::Put(std::span<const std::byte> bytes) {
  const uint32_t address = Reserve(static_cast<uint32_t>(bytes.size()));
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<size_t>(8, bytes.size() - i));
    Poke(address + static_cast<uint32_t>(i), word);
  }
  return address;
}

uint32_t WitTestGuest::PutU32s(const std::vector<uint32_t>& values) {
  return Put(std::as_bytes(std::span(values)));
}

uint32_t WitTestGuest::ReadU32(uint32_t address) {
  return static_cast<uint32_t>(CallInPlace("peek", {address}));
}

std::vector<std::byte> WitTestGuest::Read(uint32_t address, uint32_t size) {
  std::vector<std::byte> bytes(size);
  for (uint32_t i = 0; i < size; i += 8) {
    const uint64_t word = CallInPlace("peek", {address + i});
    std::memcpy(bytes.data() + i, &word, std::min<uint32_t>(8, size - i));
  }
  return bytes;
}

bool WitTestGuest::Same(uint32_t a, uint32_t b, uint32_t size) {
  return Call("same", {a, b, size}) == 1;
}

WitTestGuest::Outcome WitTestGuest::TakeOutcome(uint32_t address, uint32_t payload_offset) {
  Outcome outcome;
  outcome.ok = (ReadU32(address) & 0xff) == 0;
  outcome.value = ReadU32(address + payload_offset);
  if (outcome.ok) return outcome;
  const uint32_t error = outcome.value;
  outcome.value = Call("error.code", {error});
  const uint32_t text = Reserve(8);
  Call("error.data", {error, text});
  for (std::byte byte : Read(ReadU32(text), ReadU32(text + 4))) {
    outcome.message += static_cast<char>(byte);
  }
  Call("error.drop", {error});
  return outcome;
}

WitTestGuest::Outcome WitTestGuest::Load(std::span<const std::byte> model, uint32_t encoding,
                                         uint32_t target) {
  const uint32_t data = Put(model);
  const uint32_t builder = PutU32s({data, static_cast<uint32_t>(model.size())});
  const uint32_t out = Reserve(8);
  Call("load", {builder, 1, encoding, target, out});
  return TakeOutcome(out);
}

WitTestGuest::Outcome WitTestGuest::LoadByName(std::string_view name) {
  const uint32_t address = Put(std::as_bytes(std::span(name)));
  const uint32_t out = Reserve(8);
  Call("load-by-name", {address, static_cast<uint32_t>(name.size()), out});
  return TakeOutcome(out);
}

WitTestGuest::Outcome WitTestGuest::Init(uint32_t graph) {
  const uint32_t out = Reserve(8);
  Call("graph.init", {graph, out});
  return TakeOutcome(out);
}

WitTestGuest::Outcome WitTestGuest::BindOutput(uint32_t context, std::string_view output,
                                               std::string_view input) {
  const uint32_t from = Put(std::as_bytes(std::span(output)));
  const uint32_t to = Put(std::as_bytes(std::span(input)));
  const uint32_t out = Reserve(8);
  Call("state.bind-output", {context, from, static_cast<uint32_t>(output.size()), to,
                             static_cast<uint32_t>(input.size()), out});
  return TakeOutcome(out);
}

WitTestGuest::Outcome WitTestGuest::UnbindInput(uint32_t context, std::string_view input) {
  const uint32_t address = Put(std::as_bytes(std::span(input)));
  const uint32_t out = Reserve(8);
  Call("state.unbind-input", {context, address, static_cast<uint32_t>(input.size()), out});
  return TakeOutcome(out);
}

std::string WitTestGuest::ReadText(uint32_t address) {
  std::string text;
  for (std::byte byte : Read(ReadU32(address), ReadU32(address + 4))) {
    text += static_cast<char>(byte);
  }
  return text;
}

uint32_t WitTestGuest::NewTensor(const std::vector<uint32_t>& dims, uint32_t type,
                                 std::span<const std::byte> data) {
  const uint32_t dims_address = PutU32s(dims);
  const uint32_t data_address = Put(data);
  return Call("tensor.new", {dims_address, static_cast<uint32_t>(dims.size()), type, data_address,
                             static_cast<uint32_t>(data.size())});
}

std::vector<uint32_t> WitTestGuest::Dimensions(uint32_t tensor) {
  const uint32_t out = Reserve(8);
  Call("tensor.dimensions", {tensor, out});
  std::vector<uint32_t> dims(ReadU32(out + 4));
  for (uint32_t i = 0; i < dims.size(); ++i) dims[i] = ReadU32(ReadU32(out) + 4 * i);
  return dims;
}

std::vector<std::byte> WitTestGuest::Data(uint32_t tensor) {
  const uint32_t out = Reserve(8);
  Call("tensor.data", {tensor, out});
  return Read(ReadU32(out), ReadU32(out + 4));
}

WitTestGuest::Outcome WitTestGuest::Run(uint32_t context, const Named& inputs, Named* outputs) {
  std::vector<uint32_t> list;
  for (const auto& [name, tensor] : inputs) {
    list.push_back(Put(std::as_bytes(std::span(name))));
    list.push_back(static_cast<uint32_t>(name.size()));
    list.push_back(tensor);
  }
  const uint32_t address = PutU32s(list);
  const uint32_t out = Reserve(12);
  Call("context.compute", {context, address, static_cast<uint32_t>(inputs.size()), out});
  const Outcome outcome = TakeOutcome(out);
  if (!outcome.ok) return outcome;
  outputs->clear();
  const uint32_t n_outputs = ReadU32(out + 8);
  for (uint32_t i = 0; i < n_outputs; ++i) {
    const uint32_t item = outcome.value + 12 * i;
    std::string name;
    for (std::byte byte : Read(ReadU32(item), ReadU32(item + 4))) name += static_cast<char>(byte);
    outputs->emplace_back(std::move(name), ReadU32(item + 8));
  }
  return outcome;
}

WitTestGuest::Outcome WitTestGuest::SetInput(uint32_t context, std::string_view name,
                                             uint32_t tensor) {
  const uint32_t address = Put(std::as_bytes(std::span(name)));
  const uint32_t out = Reserve(8);
  Call("context.set-input", {context, address, static_cast<uint32_t>(name.size()), tensor, out});
  return TakeOutcome(out);
}

WitTestGuest::Outcome WitTestGuest::Compute(uint32_t context) {
  const uint32_t out = Reserve(8);
  Call("context.compute", {context, out});
  return TakeOutcome(out);
}

WitTestGuest::Outcome WitTestGuest::GetOutput(uint32_t context, std::string_view name) {
  const uint32_t address = Put(std::as_bytes(std::span(name)));
  const uint32_t out = Reserve(8);
  Call("context.get-output", {context, address, static_cast<uint32_t>(name.size()), out});
  return TakeOutcome(out);
}

}  // namespace wnn::testing
