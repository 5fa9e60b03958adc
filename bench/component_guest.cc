#include "bench/component_guest.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "host/abi/wit/wit.h"

namespace wnn::bench {
namespace {

using CVal = wasmtime_component_val_t;
using Word = uint64_t;

// The C API spends 32 bytes on each element of a list, and traps above some megabytes.
constexpr size_t kWordsPerCall = 1 << 14;

Status ToStatus(wasmtime_error_t* error) {
  if (error == nullptr) return OkStatus();
  return RuntimeError(wasmtime::Error(error).message());
}

CVal U32(uint32_t value) {
  CVal val{};
  val.kind = WASMTIME_COMPONENT_U32;
  val.of.u32 = value;
  return val;
}

}  // namespace

Result<std::unique_ptr<ComponentGuest>> ComponentGuest::Create(wasm::Engine& engine,
                                                               const wasm::Module& component,
                                                               abi::WitGuest& nn) {
  std::unique_ptr<ComponentGuest> guest(new ComponentGuest(engine));
  Status status = guest->Instantiate(component, nn);
  if (!status.ok()) return std::move(status).WithContext(component.name());
  return guest;
}

Status ComponentGuest::Instantiate(const wasm::Module& component, abi::WitGuest& nn) {
  if (!component.is_component()) return InvalidArgument("it is no component");
  WNN_RETURN_IF_ERROR(abi::AddWitToLinker(
      linker_.capi(), [&nn](wasmtime_context_t*) -> abi::WitGuest& { return nn; }));
  abi::SetCallBytesLimit(store_.context().capi(), nn.session().environment().options().limits);
  auto instance = linker_.instantiate(store_.context(), component.component());
  if (!instance) return RuntimeError(instance.err().message());
  instance_ = instance.ok();
  return FindFunctions();
}

Status ComponentGuest::FindFunctions() {
  const std::pair<const char*, Func*> wanted[] = {{"reserve", &reserve_},
                                                  {"write", &write_},
                                                  {"read", &read_},
                                                  {"load", &load_},
                                                  {"infer", &infer_}};
  for (const auto& [name, function] : wanted) {
    const auto index = instance_.get_export_index(store_.context(), nullptr, name);
    if (index) *function = instance_.get_func(store_.context(), *index);
    if (!*function) return NotFound("it exports no function '" + std::string(name) + "'");
  }
  return OkStatus();
}

Status ComponentGuest::Call(const Func& function, std::span<const CVal> args,
                            std::span<CVal> results) {
  return ToStatus(wasmtime_component_func_call(function->capi(), store_.context().capi(),
                                               args.data(), args.size(), results.data(),
                                               results.size()));
}

Result<uint32_t> ComponentGuest::CallU32(const Func& function,
                                         std::initializer_list<uint32_t> args) {
  CVal values[2];
  std::transform(args.begin(), args.end(), values, U32);
  CVal result = U32(0);
  WNN_RETURN_IF_ERROR(Call(function, std::span(values, args.size()), std::span(&result, 1)));
  return result.of.u32;
}

Result<uint32_t> ComponentGuest::Reserve(size_t size_bytes) {
  const size_t whole = (size_bytes + sizeof(Word) - 1) / sizeof(Word) * sizeof(Word);
  return CallU32(reserve_, {static_cast<uint32_t>(whole)});
}

Status ComponentGuest::Write(uint32_t address, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kWordsPerCall * sizeof(Word)));
    bytes = bytes.subspan(part.size());
    CVal args[] = {U32(address), {}};
    args[1].kind = WASMTIME_COMPONENT_LIST;
    const size_t n_words = (part.size() + sizeof(Word) - 1) / sizeof(Word);
    wasmtime_component_vallist_new_uninit(&args[1].of.list, n_words);
    for (size_t i = 0; i < n_words; ++i) {
      CVal& word = args[1].of.list.data[i];
      word.kind = WASMTIME_COMPONENT_U64;
      word.of.u64 = 0;
      const auto from = part.subspan(i * sizeof(Word));
      std::memcpy(&word.of.u64, from.data(), std::min(from.size(), sizeof(Word)));
    }
    const Status called = Call(write_, args, {});
    wasmtime_component_val_delete(&args[1]);
    WNN_RETURN_IF_ERROR(Status(called));
    address += static_cast<uint32_t>(part.size());
  }
  return OkStatus();
}

Status ComponentGuest::WriteU32s(uint32_t address, std::initializer_list<uint32_t> values) {
  return Write(address, std::as_bytes(std::span(values.begin(), values.size())));
}

Status ComponentGuest::Read(uint32_t address, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(bytes.size(), kWordsPerCall * sizeof(Word)));
    bytes = bytes.subspan(part.size());
    const size_t n_words = (part.size() + sizeof(Word) - 1) / sizeof(Word);
    const CVal args[] = {U32(address), U32(static_cast<uint32_t>(n_words))};
    CVal result = U32(0);
    WNN_RETURN_IF_ERROR(Call(read_, args, std::span(&result, 1)));
    for (size_t i = 0; i < n_words; ++i) {
      const auto to = part.subspan(i * sizeof(Word));
      std::memcpy(to.data(), &result.of.list.data[i].of.u64, std::min(to.size(), sizeof(Word)));
    }
    wasmtime_component_val_delete(&result);
    address += static_cast<uint32_t>(part.size());
  }
  return OkStatus();
}

}  // namespace wnn::bench
