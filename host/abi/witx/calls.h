// The functions of `wasi_ephemeral_nn`: from arguments and guest memory to the session, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/base/status.h"
#include "host/abi/witx/dialect.h"
#include "host/abi/witx/guest_memory.h"
#include "host/nn/session.h"

namespace wnn::abi {

struct WitxCall {
  nn::Session& session;
  GuestMemory memory;
  WitxDialect dialect;
};

struct WitxFunction {
  std::string_view name;
  size_t n_params;  // all i32, as the one result is
  // REQUIRES: args has n_params values
  Status (*run)(WitxCall& call, const uint32_t* args);
};

inline constexpr size_t kMaxWitxParams = 5;

std::span<const WitxFunction> WitxFunctions();

}  // namespace wnn::abi
