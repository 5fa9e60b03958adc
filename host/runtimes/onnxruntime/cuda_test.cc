#include "host/runtimes/onnxruntime/cuda.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "host/runtimes/onnxruntime/onnxruntime.h"
#include "tests/support/model_bytes.h"

namespace wnn::runtimes {
namespace {

using testing::AsBytes;

// What the fake library has, and what was done to it.
struct Fake {
  std::vector<const char*> providers;
  const char* create_error = nullptr;
  const char* update_error = nullptr;
  const char* append_error = nullptr;
  std::string memory_limit;
  int n_appended = 0;
  int n_options_alive = 0;
};
Fake* fake = nullptr;

// The fake's statuses are their messages.
OrtStatus* Fails(const char* message) {
  return reinterpret_cast<OrtStatus*>(const_cast<char*>(message));
}

// Of ONNX Runtime's functions, those that AddCuda may call.
OrtApi MakeFakeApi() {
  OrtApi api{};
  api.GetErrorMessage = [](const OrtStatus* status) noexcept {
    return reinterpret_cast<const char*>(status);
  };
  api.GetErrorCode = [](const OrtStatus*) noexcept { return ORT_FAIL; };
  api.ReleaseStatus = [](OrtStatus*) noexcept {};
  api.GetAvailableProviders = [](char*** out, int* count) noexcept -> OrtStatus* {
    *out = const_cast<char**>(fake->providers.data());
    *count = static_cast<int>(fake->providers.size());
    return nullptr;
  };
  api.ReleaseAvailableProviders = [](char**, int) noexcept -> OrtStatus* { return nullptr; };
  api.CreateCUDAProviderOptions = [](OrtCUDAProviderOptionsV2** out) noexcept -> OrtStatus* {
    if (fake->create_error != nullptr) return Fails(fake->create_error);
    ++fake->n_options_alive;
    *out = reinterpret_cast<OrtCUDAProviderOptionsV2*>(fake);
    return nullptr;
  };
  api.ReleaseCUDAProviderOptions = [](OrtCUDAProviderOptionsV2*) noexcept {
    --fake->n_options_alive;
  };
  api.UpdateCUDAProviderOptions = [](OrtCUDAProviderOptionsV2*, const char* const* keys,
                                     const char* const* values, size_t n) noexcept -> OrtStatus* {
    if (fake->update_error != nullptr) return Fails(fake->update_error);
    for (size_t i = 0; i < n; ++i) {
      if (std::string(keys[i]) == "gpu_mem_limit") fake->memory_limit = values[i];
    }
    return nullptr;
  };
  api.SessionOptionsAppendExecutionProvider_CUDA_V2 =
      [](OrtSessionOptions*, const OrtCUDAProviderOptionsV2*) noexcept -> OrtStatus* {
    if (fake->append_error != nullptr) return Fails(fake->append_error);
    ++fake->n_appended;
    return nullptr;
  };
  return api;
}

class CudaTest : public ::testing::Test {
 protected:
  CudaTest() { fake = &fake_; }
  ~CudaTest() override {
    EXPECT_EQ(fake_.n_options_alive, 0);
    fake = nullptr;
  }
  Status Add() { return AddCuda({&api_, "/lib/libonnxruntime.so", "1.99.0"}, 1024, nullptr); }
  // A refusal with these words, that lets `auto` go on with the CPU.
  void ExpectRefused(std::string_view words) {
    const Status status = Add();
    EXPECT_EQ(status.code(), Code::kUnsupportedOperation);
    EXPECT_NE(status.message().find(words), std::string_view::npos) << status.message();
    EXPECT_EQ(fake_.n_appended, 0);
  }

  Fake fake_;
  OrtApi api_ = MakeFakeApi();
};

TEST_F(CudaTest, IsUsedWhereTheLibraryHasIt) {
  fake_.providers = {"TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"};
  EXPECT_TRUE(Add().ok());
  EXPECT_EQ(fake_.n_appended, 1);
  EXPECT_EQ(fake_.memory_limit, "1024");
}

TEST_F(CudaTest, ALibraryWithoutItSaysWhereToGetOne) {
  fake_.providers = {"AzureExecutionProvider", "CPUExecutionProvider"};
  ExpectRefused(
      "ONNX Runtime 1.99.0 (/lib/libonnxruntime.so) has no GPU: it was built without "
      "CUDA, with AzureExecutionProvider, CPUExecutionProvider");
  ExpectRefused("onnxruntime-gpu");
}

TEST_F(CudaTest, MissingLibrariesOfCudaAreNamed) {
  fake_.providers = {"CUDAExecutionProvider", "CPUExecutionProvider"};
  fake_.create_error = "libcudnn.so.9: cannot open shared object file";
  ExpectRefused("the GPU cannot be used: ONNX Runtime: libcudnn.so.9");
  fake_.create_error = nullptr;
  fake_.update_error = "libcublasLt.so.13: cannot open shared object file\n\n";
  ExpectRefused(
      "the GPU cannot be used: ONNX Runtime: libcublasLt.so.13: cannot open shared object file");
  fake_.update_error = nullptr;
  fake_.append_error = "libcublasLt.so.12: cannot open shared object file";
  ExpectRefused("libcublasLt.so.12");
}

TEST_F(CudaTest, ASessionThatFailsForItsModelIsNoMatterOfTheGpu) {
  EXPECT_TRUE(FromCudaSession(OkStatus()).ok());
  EXPECT_EQ(FromCudaSession(InvalidArgument("ONNX Runtime: bad graph")).code(),
            Code::kInvalidArgument);
  EXPECT_EQ(FromCudaSession(RuntimeError("CUDA failure 100: no CUDA-capable device")).code(),
            Code::kUnsupportedOperation);
}

// The library that is on this machine, whatever it was built with.
TEST(OnnxRuntimeTargets, WhatIsNotThereIsRefused) {
  const auto runtime = OpenOnnxRuntime({});
  if (!runtime) GTEST_SKIP() << "there is no libonnxruntime on this machine";
  const std::string model = testing::Model(testing::Node("Identity", {"x"}, {"y"}) +
                                           testing::GraphInput("x", DType::kFloat, {1}) +
                                           testing::GraphOutput("y", DType::kFloat, {1}));
  LoadOptions options;
  options.target = Target::kTpu;
  const auto tpu = (*runtime)->Load(AsBytes(model), options);
  ASSERT_FALSE(tpu.has_value());
  EXPECT_EQ(tpu.error().code(), Code::kUnsupportedOperation);
  options.target = Target::kGpu;
  const auto gpu = (*runtime)->Load(AsBytes(model), options);
  if (gpu) return;  // a machine with a GPU, and a library for it
  EXPECT_EQ(gpu.error().code(), Code::kUnsupportedOperation);
  EXPECT_NE(gpu.error().message().find("GPU"), std::string_view::npos) << gpu.error().message();
}

}  // namespace
}  // namespace wnn::runtimes
