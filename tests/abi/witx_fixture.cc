#include "tests/abi/witx_fixture.h"

#include <array>

#include "tests/support/runtimes.h"

namespace wnn::abi {

void PrintTo(WitxDialect dialect, std::ostream* os) {
  switch (dialect) {
    case WitxDialect::kAuto: *os << "auto"; break;
    case WitxDialect::kCurrent: *os << "current"; break;
    case WitxDialect::kOld: *os << "old"; break;
  }
}

}  // namespace wnn::abi

namespace wnn::testing {

std::optional<uint32_t> TensorTypeNumber(WitxDialect dialect, DType dtype) {
  const bool old = dialect == WitxDialect::kOld;
  switch (dtype) {
    case DType::kFloat16: return 0;
    case DType::kFloat: return 1;
    case DType::kDouble: return old ? std::nullopt : std::optional<uint32_t>(2);
    case DType::kUint8: return old ? 2 : 3;
    case DType::kInt32: return old ? 3 : 4;
    case DType::kInt64: return old ? std::nullopt : std::optional<uint32_t>(5);
    default: return std::nullopt;
  }
}

std::string WitxParamName(const ::testing::TestParamInfo<WitxParam>& test) {
  return std::get<0>(test.param) + "_" + ::testing::PrintToString(std::get<1>(test.param));
}

void WitxGuestTest::SetUpWith(const std::string& runtime, WitxDialect dialect) {
  dialect_ = dialect;
  options_.runtime = RuntimeNamed(runtime);
  if (options_.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  Restart();
}

void WitxGuestTest::Restart(GuestMemoryKind memory) {
  guest_.reset();
  session_.reset();
  environment_ = std::make_shared<nn::Environment>(options_);
  session_ = std::make_unique<nn::Session>(environment_, session_options_);
  guest_ = std::make_unique<Guest>(*session_, memory, dialect_);
}

Errno WitxGuestTest::Seen(Errno now) const {
  if (dialect_ != WitxDialect::kOld) return now;
  switch (now) {
    case Errno::kInvalidEncoding: return Errno{1};
    case Errno::kMissingMemory: return Errno{2};
    case Errno::kBusy: return Errno{3};
    default: return now;
  }
}

uint32_t WitxGuestTest::LoadOrFail(const std::string& model) {
  uint32_t graph = kUntouched;
  EXPECT_EQ(guest().Load(AsBytes(model), &graph), Errno::kSuccess);
  return graph;
}

uint32_t WitxGuestTest::ContextOn(const std::string& model) {
  uint32_t context = kUntouched;
  EXPECT_EQ(guest().InitExecutionContext(LoadOrFail(model), &context), Errno::kSuccess);
  return context;
}

uint32_t WitxGuestTest::ComputedContext() {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  EXPECT_EQ(guest().SetInput(context, 0, {1}, Tag(DType::kFloat), Floats({1})), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess);
  return context;
}

Errno WitxGuestTest::LoadCode(const std::string& model, uint32_t encoding, uint32_t target) {
  uint32_t graph = kUntouched;
  const Errno code = guest().Load(AsBytes(model), &graph, encoding, target);
  EXPECT_EQ(graph, kUntouched);  // no handle with an error
  return code;
}

void WitxGuestTest::ExpectIdentity(DType dtype, uint32_t tag, const std::vector<int64_t>& declared,
                                   const std::vector<uint32_t>& dims) {
  const uint32_t context = ContextOn(IdentityModel(dtype, declared));
  int64_t n_elements = 1;
  for (uint32_t dim : dims) n_elements *= dim;
  std::vector<std::byte> data(*DenseBytes(dtype, n_elements));
  for (size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<std::byte>(dtype == DType::kBool ? i % 2 : i * 7 + 1);
  }
  ASSERT_EQ(guest().SetInput(context, 0, dims, tag, data), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  std::vector<std::byte> output;
  uint32_t size = kUntouched;
  ASSERT_EQ(guest().GetOutput(context, 0, static_cast<uint32_t>(data.size()) + 8, &output, &size),
            Errno::kSuccess);
  EXPECT_EQ(size, data.size());
  EXPECT_EQ(output, data);
}

}  // namespace wnn::testing
