#include "host/abi/witx/guest_memory.h"

#include <string>

namespace wnn::abi {

Result<GuestMemory> GuestMemory::Of(wasmtime_caller_t* caller) {
  constexpr std::string_view kName = "memory";
  GuestMemory memory;
  wasmtime_extern_t item;
  if (wasmtime_caller_export_get(caller, kName.data(), kName.size(), &item)) {
    if (item.kind == WASMTIME_EXTERN_MEMORY) {
      wasmtime_context_t* context = wasmtime_caller_context(caller);
      memory.bytes_ = {reinterpret_cast<std::byte*>(wasmtime_memory_data(context, &item.of.memory)),
                       wasmtime_memory_data_size(context, &item.of.memory)};
      return memory;
    }
    if (item.kind == WASMTIME_EXTERN_SHAREDMEMORY) {
      memory.shared_.reset(item.of.sharedmemory);
      memory.bytes_ = {
          reinterpret_cast<std::byte*>(wasmtime_sharedmemory_data(memory.shared_.get())),
          wasmtime_sharedmemory_data_size(memory.shared_.get())};
      return memory;
    }
    wasmtime_extern_delete(&item);
  }
  return Status(Code::kMissingMemory, "the module exports no memory named 'memory'");
}

Result<std::span<std::byte>> GuestMemory::Bytes(uint32_t address, uint64_t size,
                                                std::string_view what) const {
  if (size == 0) return std::span<std::byte>();
  if (address > bytes_.size() || size > bytes_.size() - address) {
    return InvalidArgument(std::string(what) + " at address " + std::to_string(address) + " with " +
                           std::to_string(size) + " bytes is outside the guest's memory of " +
                           std::to_string(bytes_.size()) + " bytes");
  }
  return bytes_.subspan(address, static_cast<size_t>(size));
}

}  // namespace wnn::abi
