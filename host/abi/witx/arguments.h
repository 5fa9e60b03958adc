// What calls of core modules pass in memory: numbers and text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "host/abi/witx/calls.h"

namespace wnn::abi {

// REQUIRES: out has room for it
void StoreU32(std::span<std::byte> out, uint32_t value);

// The guest's text at `address`. kInvalidArgument, naming `what`, unless it is UTF-8; kTooLarge
// beyond 1 MiB.
Result<std::string> ReadText(const WitxCall& call, uint32_t address, uint32_t size,
                             std::string_view what);

// Where a call puts data whose size the guest may not know.
struct OutBuffer {
  uint32_t address;
  uint32_t capacity;     // in units
  uint32_t out_address;  // gets the number of units that there are
};

// Gives the guest `data`, units of `unit_bytes`, as get_output does: kTooLarge, with the number
// written but nothing else, when the buffer is too small. `what` names the data.
Status WriteOut(const WitxCall& call, std::span<const std::byte> data, size_t unit_bytes,
                const OutBuffer& out, std::string_view what);

}  // namespace wnn::abi
