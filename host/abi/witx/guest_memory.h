// A core module's linear memory as a host call may touch it: every access is checked, none assumes
// alignment.
#pragma once

#include <wasmtime.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "engine/base/status.h"

namespace wnn::abi {

// Lifetime: one host call, during which the memory does not move. Another thread of the guest may
// write to a shared memory at any time: read each value once.
class GuestMemory {
 public:
  // The caller's exported `memory`; kMissingMemory when there is none.
  static Result<GuestMemory> Of(wasmtime_caller_t* caller);

  // The guest's bytes [address, address + size). kInvalidArgument, naming `what`, when they leave
  // the memory. An empty range is allowed at any address.
  Result<std::span<std::byte>> Bytes(uint32_t address, uint64_t size, std::string_view what) const;

  // Whether the guest's other threads may write to it during the call.
  bool is_shared() const { return shared_ != nullptr; }

 private:
  struct DeleteShared {
    void operator()(wasmtime_sharedmemory_t* memory) const { wasmtime_sharedmemory_delete(memory); }
  };

  std::unique_ptr<wasmtime_sharedmemory_t, DeleteShared> shared_;  // null for an ordinary memory
  std::span<std::byte> bytes_;
};

}  // namespace wnn::abi
