// The functions of `wasi_ephemeral_nn` and of our extension: from arguments and guest memory to the
// session, and back.
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
  // A buffer that is too small is how guests ask for the size: nothing to warn of.
  bool tells_size = false;
};
inline constexpr bool kTellsSize = true;

inline constexpr size_t kMaxWitxParams = 7;

// Of `wasi_ephemeral_nn`.
std::span<const WitxFunction> WitxFunctions();
// Of `wasi_nn_onnx`, our extension.
std::span<const WitxFunction> ExtensionFunctions();

// set_input and get_output, for the extension's calls by name.
Status SetInput(WitxCall& call, const uint32_t* args);
Status GetOutput(WitxCall& call, const uint32_t* args);

}  // namespace wnn::abi
