// Tract's C ABI (rust/tract_bridge.h) as handles and statuses. Private to this folder.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "engine/base/status.h"
#include "rust/tract_bridge.h"

namespace wnn::runtimes {

struct TractDeleter {
  void operator()(wnn_tract_model_t* model) const { wnn_tract_model_delete(model); }
  void operator()(wnn_tract_context_t* context) const { wnn_tract_context_delete(context); }
  void operator()(wnn_tract_error_t* error) const { wnn_tract_error_delete(error); }
};
using TractModelHandle = std::unique_ptr<wnn_tract_model_t, TractDeleter>;
using TractContextHandle = std::unique_ptr<wnn_tract_context_t, TractDeleter>;

inline std::string_view AsText(wnn_tract_text_t text) { return {text.data, text.len}; }

// Takes over an error; OK for null.
inline Status FromTract(wnn_tract_error_t* raw) {
  if (raw == nullptr) return OkStatus();
  const std::unique_ptr<wnn_tract_error_t, TractDeleter> error(raw);
  const auto code = [&] {
    switch (wnn_tract_error_kind(raw)) {
      case WNN_TRACT_NOT_ONNX: return Code::kInvalidEncoding;
      case WNN_TRACT_INVALID: return Code::kInvalidArgument;
      case WNN_TRACT_UNSUPPORTED: return Code::kUnsupportedOperation;
      case WNN_TRACT_TOO_LARGE: return Code::kTooLarge;
      case WNN_TRACT_STOPPED: return Code::kTimeout;
      case WNN_TRACT_FAILED: return Code::kRuntimeError;
    }
    return Code::kInternal;
  }();
  return Status(code, "Tract: " + std::string(AsText(wnn_tract_error_text(raw))));
}

}  // namespace wnn::runtimes
