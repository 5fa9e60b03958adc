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

// Where its numbers leave ONNX's. The C header of version 21 does not name them yet.
constexpr int kOrtUint2 = 24, kOrtInt2 = 25;

}  // namespace

DType DTypeFromOrt(ONNXTensorElementDataType type) {
  const int number = static_cast<int>(type);
  if (number == kOrtUint2) return DType::kUint2;
  if (number == kOrtInt2) return DType::kInt2;
  if (number > static_cast<int>(DType::kFloat4E2M1)) return DType::kUndefined;
  return DTypeFromOnnx(number).value_or(DType::kUndefined);
}

ONNXTensorElementDataType DTypeToOrt(DType dtype) {
  int number = static_cast<int>(dtype);
  if (dtype == DType::kUint2) {
    number = kOrtUint2;
  } else if (dtype == DType::kInt2) {
    number = kOrtInt2;
  } else if (dtype > DType::kFloat4E2M1) {
    number = 0;
  }
  return static_cast<ONNXTensorElementDataType>(number);
}

Status FromOrtStatus(const OrtApi* api, OrtStatus* status, Code fail_means) {
  if (status == nullptr) return OkStatus();
  std::string message = api->GetErrorMessage(status);
  const Code code = CodeOf(api->GetErrorCode(status), message, fail_means);
  api->ReleaseStatus(status);
  return Status(code, "ONNX Runtime: " + std::move(message));
}

}  // namespace wnn::runtimes
