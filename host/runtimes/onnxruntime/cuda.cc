#include "host/runtimes/onnxruntime/cuda.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/runtimes/onnxruntime/ort.h"

namespace wnn::runtimes {
namespace {

constexpr std::string_view kProvider = "CUDAExecutionProvider";

using CudaOptionsHandle = OrtHandle<OrtCUDAProviderOptionsV2, &OrtApi::ReleaseCUDAProviderOptions>;

// The execution providers that the library was built with.
Result<std::vector<std::string>> Providers(const OrtApi* api) {
  char** names = nullptr;
  int count = 0;
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->GetAvailableProviders(&names, &count)));
  std::vector<std::string> providers(names, names + count);
  WNN_RETURN_IF_ERROR(FromOrtStatus(api, api->ReleaseAvailableProviders(names, count)));
  return providers;
}

Status CheckBuiltIn(const OnnxRuntimeLibrary& library) {
  WNN_ASSIGN_OR_RETURN(const auto providers, Providers(library.api));
  std::string known;
  for (const std::string& provider : providers) {
    if (provider == kProvider) return OkStatus();
    known += (known.empty() ? "" : ", ") + provider;
  }
  return Unsupported("ONNX Runtime " + library.version + " (" + library.path +
                     ") has no GPU: it was built without CUDA, with " + known +
                     ". The wheel onnxruntime-gpu has it: unpack it and name its folder "
                     "onnxruntime/capi with --onnxruntime");
}

Status CannotUse(const Status& status) {
  std::string reason(status.message());
  reason.erase(reason.find_last_not_of('\n') + 1);
  return Unsupported("the GPU cannot be used: " + reason);
}

}  // namespace

Status AddCuda(const OnnxRuntimeLibrary& library, uint64_t max_memory_bytes,
               OrtSessionOptions* options) {
  WNN_RETURN_IF_ERROR(CheckBuiltIn(library));
  const OrtApi* api = library.api;
  // The first of these that needs libonnxruntime_providers_cuda.so opens it, and fails where CUDA's
  // or cuDNN's libraries are not there; which one it is depends on the library's version.
  auto cuda = OrtMake<CudaOptionsHandle>(
      api, [&](auto** out) { return api->CreateCUDAProviderOptions(out); });
  if (!cuda) return CannotUse(cuda.error());
  const std::string limit = std::to_string(max_memory_bytes);
  const char* const keys[] = {"gpu_mem_limit"};
  const char* const values[] = {limit.c_str()};
  const Status updated =
      FromOrtStatus(api, api->UpdateCUDAProviderOptions(cuda->get(), keys, values, 1));
  if (!updated.ok()) return CannotUse(updated);
  const Status added =
      FromOrtStatus(api, api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda->get()));
  return added.ok() ? OkStatus() : CannotUse(added);
}

Status FromCudaSession(Status status) {
  // What its CUDA code says of a missing driver, a missing device, or one without memory left.
  constexpr std::string_view kCudaFails[] = {"CUDA failure", "CUDA error", "CUDNN failure",
                                             "CUBLAS failure", "CUDA_PATH"};
  for (std::string_view words : kCudaFails) {
    if (status.message().find(words) != std::string_view::npos) return CannotUse(status);
  }
  return status;
}

}  // namespace wnn::runtimes
