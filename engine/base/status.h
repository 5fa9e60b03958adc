// Status and Result<T>: how every layer reports failure. No exception crosses a layer.
//
// A Status is one pointer: null is success, otherwise a code, a message that says what went wrong
// and what to do, and context frames added on the way up ("loading graph 'squeezenet': ...").
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace wnn {

// The union of the two ABIs' error lists (host/abi/ converts). Closed: switches over it have no
// default label, so that adding a code shows every place that must learn it.
enum class Code {
  kInvalidArgument,       // the caller passed something that the callee can show to be wrong
  kInvalidEncoding,       // model bytes or encoding that are not ONNX
  kMissingMemory,         // a core module without an exported memory
  kBusy,                  // the context computes in another thread
  kRuntimeError,          // the runtime failed, or was asked in the wrong order
  kUnsupportedOperation,  // valid, but this runtime or machine cannot do it
  kTooLarge,              // over a limit, or a buffer that is too small
  kNotFound,              // no model of that name, no such file
  kTimeout,               // the deadline passed, or the caller cancelled
  kSecurity,              // refused by policy
  kInternal,              // a mistake of ours
};

// The code's name as it appears in logs: "invalid_argument", "too_large", ...
std::string_view CodeName(Code code);

// Thread-compatible: a const Status may be read by many threads.
class [[nodiscard]] Status {
 public:
  Status() = default;  // success
  Status(Code code, std::string message);
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;
  Status(const Status& other);
  Status& operator=(const Status& other);

  bool ok() const { return rep_ == nullptr; }
  // REQUIRES: !ok()
  Code code() const { return rep_->code; }
  // The message with its context frames, outermost first. Empty on success.
  std::string_view message() const;

  // Puts `frame` and ": " before the message. No effect on success.
  Status WithContext(std::string_view frame) &&;

 private:
  struct Rep {
    Code code;
    std::string message;
  };
  std::unique_ptr<Rep> rep_;
};

inline Status OkStatus() { return {}; }
inline Status InvalidArgument(std::string m) { return {Code::kInvalidArgument, std::move(m)}; }
inline Status InvalidEncoding(std::string m) { return {Code::kInvalidEncoding, std::move(m)}; }
inline Status RuntimeError(std::string m) { return {Code::kRuntimeError, std::move(m)}; }
inline Status Unsupported(std::string m) { return {Code::kUnsupportedOperation, std::move(m)}; }
inline Status TooLarge(std::string m) { return {Code::kTooLarge, std::move(m)}; }
inline Status NotFound(std::string m) { return {Code::kNotFound, std::move(m)}; }
inline Status Timeout(std::string m) { return {Code::kTimeout, std::move(m)}; }
inline Status Security(std::string m) { return {Code::kSecurity, std::move(m)}; }
inline Status Internal(std::string m) { return {Code::kInternal, std::move(m)}; }

// A T or a failed Status. Move-only if T is.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : rep_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Status error) : rep_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return rep_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  // REQUIRES: has_value()
  T& operator*() & { return *std::get_if<0>(&rep_); }
  const T& operator*() const& { return *std::get_if<0>(&rep_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&rep_)); }
  T* operator->() { return std::get_if<0>(&rep_); }
  const T* operator->() const { return std::get_if<0>(&rep_); }
  // REQUIRES: !has_value()
  Status& error() { return *std::get_if<1>(&rep_); }
  const Status& error() const { return *std::get_if<1>(&rep_); }
  T value_or(T other) && { return has_value() ? std::move(**this) : std::move(other); }

 private:
  std::variant<T, Status> rep_;
};

}  // namespace wnn

#define WNN_CONCAT_INNER(a, b) a##b
#define WNN_CONCAT(a, b) WNN_CONCAT_INNER(a, b)

// Returns from the enclosing function if `expr` (a Status) failed.
#define WNN_RETURN_IF_ERROR(expr)                              \
  do {                                                         \
    if (::wnn::Status wnn_status = (expr); !wnn_status.ok()) { \
      return wnn_status;                                       \
    }                                                          \
  } while (false)

// `WNN_ASSIGN_OR_RETURN(auto x, F());` declares x from a Result, or returns its error.
#define WNN_ASSIGN_OR_RETURN(lhs, expr) \
  WNN_ASSIGN_OR_RETURN_IMPL(WNN_CONCAT(wnn_result_, __LINE__), lhs, expr)
#define WNN_ASSIGN_OR_RETURN_IMPL(result, lhs, expr)         \
  auto result = (expr);                                      \
  if (!result.has_value()) return std::move(result.error()); \
  lhs = std::move(*result)
