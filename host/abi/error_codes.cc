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

}  // namespace wnn::abi
