// A core module that calls WASI-NN with whatever arguments a test gives it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include <wasmtime.hh>

#include "engine/tensor/dtype.h"
#include "host/abi/error_codes.h"
#include "host/abi/witx/dialect.h"
#include "host/nn/session.h"

namespace wnn::testing {

// How the guest declares its memory.
enum class GuestMemoryKind { kExported, kShared, kMissing };

// A function that hosts offer to core modules. All its parameters are i32, as the one result is.
struct HostFunction {
  const char* module;
  const char* name;
  size_t n_params;
};
// Written down once more, so that the tests do not believe the code.
std::span<const HostFunction> HostFunctions();

// Such a module in a store of its own, with 64 pages of memory. Fails the test, and the process,
// when it cannot be built: these are our own files.
class Guest {
 public:
  static constexpr uint32_t kMemoryBytes = 64 * 65536;

  Guest(nn::Session& session, GuestMemoryKind memory = GuestMemoryKind::kExported,
        abi::WitxDialect dialect = abi::WitxDialect::kAuto);
  // Another instance on the memory of `first`, as a second thread of the same guest has it: puts
  // its bytes into the second half. REQUIRES: `first` has a shared memory.
  Guest(nn::Session& session, const Guest& first);
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest();

  // Calls a function of WASI-NN or of the extension. A trap fails the test.
  abi::Errno Call(std::string_view function, const std::vector<uint32_t>& args);

  // Puts bytes into the guest's memory behind those that were put there before; their address.
  uint32_t Put(std::span<const std::byte> bytes, uint32_t alignment = 8);
  uint32_t PutU32s(const std::vector<uint32_t>& values, uint32_t alignment = 4);
  // Room for a result, filled with 0xff.
  uint32_t Reserve(uint32_t size);
  uint32_t ReadU32(uint32_t address);
  std::span<std::byte> memory();

  // The calls as a polite guest makes them.
  abi::Errno Load(std::span<const std::byte> model, uint32_t* graph, uint32_t encoding = 1,
                  uint32_t target = 0);
  abi::Errno LoadByName(std::string_view name, uint32_t* graph);
  abi::Errno LoadByNameWithConfig(std::string_view name, std::string_view config, uint32_t* graph);
  abi::Errno InitExecutionContext(uint32_t graph, uint32_t* context);
  // `tag`: witx's number of the element type.
  abi::Errno SetInput(uint32_t context, uint32_t index, const std::vector<uint32_t>& dims,
                      uint32_t tag, std::span<const std::byte> data);
  abi::Errno Compute(uint32_t context) { return Call("compute", {context}); }
  // Reads an output of at most `max_size` bytes; `size` is what the host wrote as its size.
  abi::Errno GetOutput(uint32_t context, uint32_t index, uint32_t max_size,
                       std::vector<std::byte>* data, uint32_t* size);

  // The tensor record in memory, for a test that spoils it.
  uint32_t PutTensor(const std::vector<uint32_t>& dims, uint32_t tag,
                     std::span<const std::byte> data);

 private:
  // `shared`: a memory to import; null where the module declares its own.
  void Instantiate(nn::Session& session, const char* memory, wasmtime_extern_t* shared);

  wasmtime::Engine engine_;
  wasmtime::Store store_;
  abi::WitxDialect dialect_;
  std::vector<wasmtime::Func> functions_;  // as HostFunctions
  wasmtime_extern_t memory_{};
  uint32_t next_free_ = 1024;
  uint32_t end_ = kMemoryBytes;  // of the part that Put and Reserve give out
};

}  // namespace wnn::testing
