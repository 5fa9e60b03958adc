// What the tests of the witx ABI share: every test runs under every runtime and in every dialect.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "host/abi/witx/dialect.h"
#include "host/nn/environment.h"
#include "host/nn/session.h"
#include "tests/abi/guest.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

// What tests' parameters are called.
namespace wnn {
inline void PrintTo(DType dtype, std::ostream* os) { *os << DTypeName(dtype); }
}  // namespace wnn
namespace wnn::abi {
void PrintTo(WitxDialect dialect, std::ostream* os);
}  // namespace wnn::abi

namespace wnn::testing {

using abi::Errno;
using abi::WitxDialect;

inline constexpr uint32_t kUntouched = 0xffffffff;

// witx's numbers of `dtype`, written down once more so that the tests do not believe the code.
// Nothing for a type without a number in `dialect`.
std::optional<uint32_t> TensorTypeNumber(WitxDialect dialect, DType dtype);

using WitxParam = std::tuple<std::string, WitxDialect>;

// "builtin_old".
std::string WitxParamName(const ::testing::TestParamInfo<WitxParam>& test);

// For INSTANTIATE_TEST_SUITE_P.
inline auto EveryRuntimeAndDialect() {
  return ::testing::Combine(
      ::testing::ValuesIn(BuiltRuntimes()),
      ::testing::Values(WitxDialect::kAuto, WitxDialect::kCurrent, WitxDialect::kOld));
}

// A guest, its session and its environment, as `options_` and `session_options_` say.
class WitxGuestTest : public ::testing::Test {
 protected:
  // Skips the test where the runtime's library is not on this machine.
  void SetUpWith(const std::string& runtime, WitxDialect dialect);
  // A fresh environment, session and guest.
  void Restart(GuestMemoryKind memory = GuestMemoryKind::kExported);

  Guest& guest() { return *guest_; }
  WitxDialect dialect() const { return dialect_; }

  // What a guest of the dialect gets for an errno of today.
  Errno Seen(Errno now) const;
  // The number of a type that every dialect has.
  uint32_t Tag(DType dtype) const { return *TensorTypeNumber(dialect_, dtype); }

  uint32_t LoadOrFail(const std::string& model);
  uint32_t ContextOn(const std::string& model);
  // A context on an identity of float[1] that has computed.
  uint32_t ComputedContext();
  // Of a load that must fail.
  Errno LoadCode(const std::string& model, uint32_t encoding = 1, uint32_t target = 0);
  // What goes into an identity model comes out, bit for bit.
  void ExpectIdentity(DType dtype, uint32_t tag, const std::vector<int64_t>& declared,
                      const std::vector<uint32_t>& dims);

  static std::span<const std::byte> Floats(const std::vector<float>& values) {
    return std::as_bytes(std::span(values));
  }

  nn::EnvironmentOptions options_;
  nn::SessionOptions session_options_;
  std::shared_ptr<nn::Environment> environment_;
  std::unique_ptr<nn::Session> session_;
  std::unique_ptr<Guest> guest_;

 private:
  WitxDialect dialect_ = WitxDialect::kAuto;
};

class WitxTest : public WitxGuestTest, public ::testing::WithParamInterface<WitxParam> {
 protected:
  void SetUp() override { SetUpWith(std::get<0>(GetParam()), std::get<1>(GetParam())); }
};

}  // namespace wnn::testing
