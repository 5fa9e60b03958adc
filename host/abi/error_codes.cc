#include "host/abi/error_codes.h"

namespace wnn::abi {

Errno ErrnoOf(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return Errno::kInvalidArgument;
    case Code::kInvalidEncoding: return Errno::kInvalidEncoding;
    case Code::kMissingMemory: return Errno::kMissingMemory;
    case Code::kBusy: return Errno::kBusy;
    case Code::kRuntimeError: return Errno::kRuntimeError;
    case Code::kUnsupportedOperation: return Errno::kUnsupportedOperation;
    case Code::kTooLarge: return Errno::kTooLarge;
    case Code::kNotFound: return Errno::kNotFound;
    case Code::kTimeout: return Errno::kRuntimeError;           // witx has no word for it
    case Code::kSecurity: return Errno::kUnsupportedOperation;  // nor for this
    case Code::kInternal: return Errno::kRuntimeError;
  }
  return Errno::kRuntimeError;
}

uint16_t OldErrnoNumber(Errno code) {
  switch (code) {
    case Errno::kInvalidEncoding: return 1;
    case Errno::kMissingMemory: return 2;
    case Errno::kBusy: return 3;
    case Errno::kSuccess:
    case Errno::kInvalidArgument:
    case Errno::kRuntimeError:
    case Errno::kUnsupportedOperation:
    case Errno::kTooLarge:
    case Errno::kNotFound: break;
  }
  return static_cast<uint16_t>(code);
}

WitErrorCode WitErrorCodeOf(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return WitErrorCode::kInvalidArgument;
    case Code::kInvalidEncoding: return WitErrorCode::kInvalidEncoding;
    case Code::kMissingMemory: return WitErrorCode::kUnknown;  // of core modules only
    case Code::kBusy: return WitErrorCode::kRuntimeError;      // the WIT has no word for it
    case Code::kRuntimeError: return WitErrorCode::kRuntimeError;
    case Code::kUnsupportedOperation: return WitErrorCode::kUnsupportedOperation;
    case Code::kTooLarge: return WitErrorCode::kTooLarge;
    case Code::kNotFound: return WitErrorCode::kNotFound;
    case Code::kTimeout: return WitErrorCode::kTimeout;
    case Code::kSecurity: return WitErrorCode::kSecurity;
    case Code::kInternal: return WitErrorCode::kUnknown;
  }
  return WitErrorCode::kUnknown;
}

}  // namespace wnn::abi
