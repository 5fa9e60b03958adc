#include "host/runtimes/onnxruntime/ort.h"

#include <array>
#include <string_view>

namespace wnn::runtimes {
namespace {

Code CodeOf(OrtErrorCode code, std::string_view message, Code fail_means) {
  // Its words for an operator that it does not have, whatever code comes with them.
  constexpr std::array<std::string_view, 4> kLacksOperator = {
      "No Op registered for", "is not a registered function/op", "No opset import for domain",
      "Could not find an implementation for"};
  for (std::string_view words : kLacksOperator) {
    if (message.find(words) != std::string_view::npos) return Code::kUnsupportedOperation;
  }
  // Of its arena, and of the system's memory.
  constexpr std::array<std::string_view, 4> kNoMemory = {"Failed to allocate memory",
                                                         "Available memory of", "std::bad_alloc",
                                                         "exceeds the supported maximum"};
  for (std::string_view words : kNoMemory) {
    if (message.find(words) != std::string_view::npos) return Code::kTooLarge;
  }
  switch (code) {
    case ORT_INVALID_PROTOBUF: return Code::kInvalidEncoding;
    case ORT_INVALID_ARGUMENT:
    case ORT_INVALID_GRAPH: return Code::kInvalidArgument;
    case ORT_FAIL: return fail_means;
    case ORT_NOT_IMPLEMENTED: return Code::kUnsupportedOperation;
    default: return Code::kRuntimeError;
  }
}

}  // namespace

Status FromOrtStatus(const OrtApi* api, OrtStatus* status, Code fail_means) {
  if (status == nullptr) return OkStatus();
  std::string message = api->GetErrorMessage(status);
  const Code code = CodeOf(api->GetErrorCode(status), message, fail_means);
  api->ReleaseStatus(status);
  return Status(code, "ONNX Runtime: " + std::move(message));
}

}  // namespace wnn::runtimes
