// A component that calls wasi:nn with whatever arguments a test gives it, at the level of the
// canonical ABI: addresses in its memory, handles as it got them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <wasmtime.hh>
#include <wasmtime/component.hh>

#include "host/abi/wit/guest.h"

namespace wnn::testing {

enum class WitVersion { k20241028, k20240819, k20240625 };

// "2024-10-28", ...
std::string WitDate(WitVersion version);
inline void PrintTo(WitVersion version, std::ostream* os) { *os << WitDate(version); }

// The component's text: the imports of this version of wasi:nn, and of our
// extension, lowered, and each lifted again as a
// function of u32s.
std::string WitGuestText(WitVersion version);

// Such a component in a store of its own. Fails the process when it cannot be built.
class WitTestGuest {
 public:
  WitTestGuest(abi::WitGuest& guest, WitVersion version);

  // Calls a function by its core name ("load", "tensor.new", "graph.drop", ...) with flat
  // arguments; the flat result, 0 if there is none. Nothing when it trapped: then the component is
  // spent, and `trap` says why.
  std::optional<uint32_t> TryCall(std::string_view function, const std::vector<uint32_t>& args);
  // The same, where a trap fails the test.
  uint32_t Call(std::string_view function, const std::vector<uint32_t>& args);
  const std::string& trap() const { return trap_; }
  // The same, of any result, without an allocation of the test's own: for those that count the
  // host's. Takes at most 8 arguments.
  uint64_t CallInPlace(std::string_view function, std::initializer_list<uint32_t> args);
  // Writes 8 bytes, as CallInPlace does.
  void Poke(uint32_t address, uint64_t value);

  // Room in its memory, which grows as needed.
  uint32_t Reserve(uint32_t size, uint32_t alignment = 8);
  uint32_t Put(std::span<const std::byte> bytes);
  uint32_t PutU32s(const std::vector<uint32_t>& values);
  uint32_t ReadU32(uint32_t address);
  std::vector<std::byte> Read(uint32_t address, uint32_t size);
  // Whether two ranges hold the same bytes.
  bool Same(uint32_t a, uint32_t b, uint32_t size);

  // --- the calls as a polite guest makes them. Handles are the component's. ---------------------

  // A call's `result`: `value` is the handle that it gave, or the code of its error.
  struct Outcome {
    bool ok = false;
    uint32_t value = 0;
    std::string message;  // the error's
  };
  Outcome Load(std::span<const std::byte> model, uint32_t encoding = 1, uint32_t target = 0);
  Outcome LoadByName(std::string_view name);
  Outcome Init(uint32_t graph);

  uint32_t NewTensor(const std::vector<uint32_t>& dims, uint32_t type,
                     std::span<const std::byte> data);
  std::vector<uint32_t> Dimensions(uint32_t tensor);
  uint32_t Type(uint32_t tensor) { return Call("tensor.ty", {tensor}); }
  std::vector<std::byte> Data(uint32_t tensor);
  void DropTensor(uint32_t tensor) { Call("tensor.drop", {tensor}); }

  using Named = std::vector<std::pair<std::string, uint32_t>>;
  // 2024-10-28. `outputs` are names and tensors.
  Outcome Run(uint32_t context, const Named& inputs, Named* outputs);
  // The versions before.
  Outcome SetInput(uint32_t context, std::string_view name, uint32_t tensor);
  Outcome Compute(uint32_t context);
  Outcome GetOutput(uint32_t context, std::string_view name);

  // The extension.
  Outcome BindOutput(uint32_t context, std::string_view output, std::string_view input);
  Outcome UnbindInput(uint32_t context, std::string_view input);
  // The string whose pointer and length are at `address`.
  std::string ReadText(uint32_t address);

  // Reads the `result` that a call wrote, and drops its error.
  Outcome TakeOutcome(uint32_t address, uint32_t payload_offset = 4);

 private:
  struct Function {
    wasmtime::component::Func func;
    bool has_result;
  };
  std::optional<uint64_t> TryLift(std::string_view function,
                                  std::span<wasmtime::component::Val> args);

  wasmtime::Engine engine_;
  wasmtime::Store store_;
  std::optional<wasmtime::component::Instance> instance_;
  std::map<std::string, Function, std::less<>> functions_;
  std::string trap_;
};

}  // namespace wnn::testing
