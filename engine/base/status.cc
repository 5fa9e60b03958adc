#include "engine/base/status.h"

namespace wnn {

std::string_view CodeName(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return "invalid_argument";
    case Code::kInvalidEncoding: return "invalid_encoding";
    case Code::kMissingMemory: return "missing_memory";
    case Code::kBusy: return "busy";
    case Code::kRuntimeError: return "runtime_error";
    case Code::kUnsupportedOperation: return "unsupported_operation";
    case Code::kTooLarge: return "too_large";
    case Code::kNotFound: return "not_found";
    case Code::kTimeout: return "timeout";
    case Code::kSecurity: return "security";
    case Code::kInternal: return "internal";
  }
  return "unknown";
}

Status::Status(Code code, std::string message)
    : rep_(std::make_unique<Rep>(Rep{code, std::move(message)})) {}

Status::Status(const Status& other)
    : rep_(other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) rep_ = other.rep_ ? std::make_unique<Rep>(*other.rep_) : nullptr;
  return *this;
}

std::string_view Status::message() const { return rep_ ? rep_->message : std::string_view(); }

Status Status::WithContext(std::string_view frame) && {
  if (rep_) rep_->message.insert(0, std::string(frame) + ": ");
  return std::move(*this);
}

}  // namespace wnn
