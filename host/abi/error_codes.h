// How our errors appear to guests. The only place where the codes of an ABI are written down.
#pragma once

#include <cstdint>

#include "engine/base/status.h"

namespace wnn::abi {

// WASI-NN's `nn_errno`, the result of every witx function.
enum class Errno : uint16_t {
  kSuccess = 0,
  kInvalidArgument = 1,
  kInvalidEncoding = 2,
  kMissingMemory = 3,
  kBusy = 4,
  kRuntimeError = 5,
  kUnsupportedOperation = 6,
  kTooLarge = 7,
  kNotFound = 8,
};

Errno ErrnoOf(Code code);
inline Errno ErrnoOf(const Status& status) {
  return status.ok() ? Errno::kSuccess : ErrnoOf(status.code());
}

}  // namespace wnn::abi
