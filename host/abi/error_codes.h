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

// The number by which guests of 2020 to mid 2022 know `code`. They had success 0, invalid_argument
// 1, missing_memory 2 and busy 3, and got invalid_argument for an encoding; what they had no word
// for keeps its number of today, which meant nothing then.
uint16_t OldErrnoNumber(Errno code);

// wasi:nn's `error-code`, numbered in the WIT's order.
enum class WitErrorCode : uint8_t {
  kInvalidArgument = 0,
  kInvalidEncoding = 1,
  kTimeout = 2,
  kRuntimeError = 3,
  kUnsupportedOperation = 4,
  kTooLarge = 5,
  kNotFound = 6,
  kSecurity = 7,
  kUnknown = 8,
};

WitErrorCode WitErrorCodeOf(Code code);

}  // namespace wnn::abi
