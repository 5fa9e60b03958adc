// What the tests of wasi:nn share: a runtime, a version, and a component on both.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "engine/tensor/dtype.h"
#include "host/abi/error_codes.h"
#include "tests/abi/wit_guest.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {

// `tensor-type`'s numbers.
inline constexpr uint32_t kWitF16 = 0, kWitF32 = 1, kWitF64 = 2, kWitBf16 = 3, kWitU8 = 4,
                          kWitI32 = 5, kWitI64 = 6;

// The name of the runtime, and the version. Skips when this machine lacks the runtime.
class WitTest : public ::testing::TestWithParam<std::tuple<std::string, WitVersion>> {
 protected:
  using Outcome = WitTestGuest::Outcome;
  using Named = WitTestGuest::Named;

  void SetUp() override;
  WitVersion version() const { return std::get<1>(GetParam()); }
  // A fresh environment, session and component, as `options_` and `session_options_` say.
  void Restart();
  WitTestGuest& guest() { return *guest_; }

  uint32_t LoadOrFail(const std::string& model);
  uint32_t ContextOn(const std::string& model);
  // The version's way from inputs to its outputs, of which the older ones must be asked for.
  Outcome Infer(uint32_t context, const Named& inputs, const std::vector<std::string>& wanted,
                Named* outputs);
  // One input and one output, by default an identity model's.
  Outcome InferOne(uint32_t context, uint32_t tensor, uint32_t* output = nullptr,
                   const std::string& input = "x");
  uint32_t Floats(const std::vector<float>& values);
  std::vector<float> ReadFloats(uint32_t tensor);
  // What goes into an identity model comes out: bytes, type and shape.
  void ExpectIdentity(DType dtype, uint32_t type, const std::vector<int64_t>& declared,
                      const std::vector<uint32_t>& dims);
  // A failure with this code, and with words that say what was wrong.
  static void ExpectError(const Outcome& outcome, abi::WitErrorCode code, std::string_view words);

  nn::EnvironmentOptions options_;
  nn::SessionOptions session_options_;
  std::shared_ptr<nn::Environment> environment_;
  std::unique_ptr<nn::Session> session_;
  std::unique_ptr<abi::WitGuest> nn_;
  std::unique_ptr<WitTestGuest> guest_;
};

// "builtin_2024_10_28"
std::string WitTestName(const ::testing::TestParamInfo<WitTest::ParamType>& test);

// For INSTANTIATE_TEST_SUITE_P.
inline auto EveryRuntimeAndVersion() {
  return ::testing::Combine(
      ::testing::ValuesIn(BuiltRuntimes()),
      ::testing::Values(WitVersion::k20241028, WitVersion::k20240819, WitVersion::k20240625));
}

}  // namespace wnn::testing
