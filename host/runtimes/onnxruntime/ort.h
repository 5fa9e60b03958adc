// ONNX Runtime's C handles in owners, and its statuses as ours. Private to this folder.
#pragma once

#include <onnxruntime_c_api.h>

#include <memory>
#include <string>

#include "engine/base/status.h"
#include "engine/tensor/dtype.h"

namespace wnn::runtimes {

// Frees a handle by the function of the API table that `Release` names.
template <typename T, void (*OrtApi::*Release)(T*)>
struct OrtDeleter {
  const OrtApi* api = nullptr;
  void operator()(T* handle) const { (api->*Release)(handle); }
};

template <typename T, void (*OrtApi::*Release)(T*)>
using OrtHandle = std::unique_ptr<T, OrtDeleter<T, Release>>;

using OrtEnvHandle = OrtHandle<OrtEnv, &OrtApi::ReleaseEnv>;
using OrtSessionHandle = OrtHandle<OrtSession, &OrtApi::ReleaseSession>;
using OrtSessionOptionsHandle = OrtHandle<OrtSessionOptions, &OrtApi::ReleaseSessionOptions>;
using OrtRunOptionsHandle = OrtHandle<OrtRunOptions, &OrtApi::ReleaseRunOptions>;
using OrtValueHandle = OrtHandle<OrtValue, &OrtApi::ReleaseValue>;
using OrtMemoryInfoHandle = OrtHandle<OrtMemoryInfo, &OrtApi::ReleaseMemoryInfo>;
using OrtArenaCfgHandle = OrtHandle<OrtArenaCfg, &OrtApi::ReleaseArenaCfg>;
using OrtTypeInfoHandle = OrtHandle<OrtTypeInfo, &OrtApi::ReleaseTypeInfo>;
using OrtTensorInfoHandle =
    OrtHandle<OrtTensorTypeAndShapeInfo, &OrtApi::ReleaseTensorTypeAndShapeInfo>;

// Calls create(&raw) and owns what it made: `OrtMake<OrtEnvHandle>(api, status, ...)`.
template <typename Handle, typename Create>
Result<Handle> OrtMake(const OrtApi* api, Create create);

// Element types to and from ONNX Runtime's numbers, which are ONNX's up to FLOAT4E2M1 only.
// kUndefined, and its number, for what the other side does not have.
DType DTypeFromOrt(ONNXTensorElementDataType type);
ONNXTensorElementDataType DTypeToOrt(DType dtype);

// Takes ownership of `status`; null is success. The codes say what they can: which operators ONNX
// Runtime lacks is told in its message only. `fail_means` stands for its unspecific ORT_FAIL.
Status FromOrtStatus(const OrtApi* api, OrtStatus* status, Code fail_means = Code::kRuntimeError);

template <typename Handle, typename Create>
Result<Handle> OrtMake(const OrtApi* api, Create create) {
  typename Handle::pointer raw = nullptr;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, create(&raw)));
  return Handle(raw, typename Handle::deleter_type{api});
}

}  // namespace wnn::runtimes
