// Every element type through every function of the witx ABI, under every runtime and in every
// dialect: those that it can name, and those that cross as bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/abi/witx_fixture.h"

namespace wnn::testing {
namespace {

using TypeParam = std::tuple<std::string, WitxDialect, DType>;

class WitxTypeTest : public WitxGuestTest, public ::testing::WithParamInterface<TypeParam> {
 protected:
  void SetUp() override {
    const auto& [runtime, dialect, dtype] = GetParam();
    if (runtime == "tract" && dtype == DType::kBfloat16) GTEST_SKIP() << "Tract lacks bfloat16";
    SetUpWith(runtime, dialect);
  }
  static DType dtype() { return std::get<2>(GetParam()); }

  // The numbers by which a guest may call a tensor of the type that has elements.
  std::vector<uint32_t> Numbers() const {
    const std::optional<uint32_t> own = TensorTypeNumber(dialect(), dtype());
    std::vector<uint32_t> numbers = {own ? *own : Tag(DType::kUint8)};
    if (dialect() != WitxDialect::kAuto) return numbers;
    // A guest of the old dialect, where nothing of today's could be meant.
    const bool could_be_double = DTypeBits(dtype()) == 64;
    if (dtype() == DType::kInt32) numbers.push_back(3);
    if (dtype() == DType::kUint8 || (!own && !could_be_double)) numbers.push_back(2);
    return numbers;
  }
  std::vector<std::byte> Data(int64_t n_elements) const {
    std::vector<std::byte> data(*DenseBytes(dtype(), n_elements));
    for (size_t i = 0; i < data.size(); ++i) {
      data[i] = static_cast<std::byte>(dtype() == DType::kBool ? i % 2 : i * 7 + 1);
    }
    return data;
  }
};

std::string TypeParamName(const ::testing::TestParamInfo<TypeParam>& test) {
  const auto& [runtime, dialect, dtype] = test.param;
  return WitxParamName({{runtime, dialect}, 0}) + "_" + std::string(DTypeName(dtype));
}

INSTANTIATE_TEST_SUITE_P(
    Abi, WitxTypeTest,
    ::testing::Combine(
        ::testing::ValuesIn(BuiltRuntimes()),
        ::testing::Values(WitxDialect::kAuto, WitxDialect::kCurrent, WitxDialect::kOld),
        ::testing::Values(DType::kFloat16, DType::kFloat, DType::kDouble, DType::kBfloat16,
                          DType::kBool, DType::kInt8, DType::kUint8, DType::kInt16, DType::kUint16,
                          DType::kInt32, DType::kUint32, DType::kInt64, DType::kUint64)),
    TypeParamName);

TEST_P(WitxTypeTest, BitsComeBack) {
  for (uint32_t number : Numbers()) {
    ExpectIdentity(dtype(), number, {2, 3}, {2, 3});
    ExpectIdentity(dtype(), number, {-1, 3}, {5, 3});
    ExpectIdentity(dtype(), number, {}, {});
    ExpectIdentity(dtype(), number, {-1, 3}, {0, 3});
  }
}

TEST_P(WitxTypeTest, OtherNumbersAreRefused) {
  const uint32_t context = ContextOn(IdentityModel(dtype(), {2, 3}));
  const std::vector<uint32_t> numbers = Numbers();
  for (uint32_t number : {0, 1, 2, 3, 4, 5, 6, 7, 100, 255}) {
    const bool allowed = std::ranges::find(numbers, number) != numbers.end();
    EXPECT_EQ(guest().SetInput(context, 0, {2, 3}, number, Data(6)),
              allowed ? Errno::kSuccess : Errno::kInvalidArgument)
        << number;
  }
}

TEST_P(WitxTypeTest, OtherLengthsAreRefused) {
  const uint32_t context = ContextOn(IdentityModel(dtype(), {2, 3}));
  for (uint32_t number : Numbers()) {
    const std::vector<std::byte> data = Data(7);
    const size_t size = *DenseBytes(dtype(), 6);
    for (size_t wrong : {size_t{0}, size - 1, size + 1, data.size()}) {
      EXPECT_EQ(guest().SetInput(context, 0, {2, 3}, number, std::span(data).first(wrong)),
                Errno::kInvalidArgument)
          << number << ", " << wrong << " bytes";
    }
  }
}

TEST_P(WitxTypeTest, ShortBuffersLearnTheSize) {
  const uint32_t context = ContextOn(IdentityModel(dtype(), {-1}));
  const std::vector<std::byte> data = Data(9);
  ASSERT_EQ(guest().SetInput(context, 0, {9}, Numbers()[0], data), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  std::vector<std::byte> output;
  uint32_t size = kUntouched;
  const auto n_bytes = static_cast<uint32_t>(data.size());
  for (uint32_t too_small : {0u, n_bytes - 1}) {
    EXPECT_EQ(guest().GetOutput(context, 0, too_small, &output, &size), Errno::kTooLarge);
    EXPECT_EQ(size, n_bytes);
  }
  EXPECT_EQ(guest().GetOutput(context, 0, size, &output, &size), Errno::kSuccess);
  EXPECT_EQ(output, data);
}

// The functions of WasmEdge and WAMR beside the others, in a memory that other threads may share.
TEST_P(WitxTypeTest, EveryFunctionInASharedMemory) {
  std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  std::replace(name.begin(), name.end(), '/', '_');
  const auto file = std::filesystem::path(::testing::TempDir()) / ("witx_types_" + name + ".onnx");
  std::ofstream(file, std::ios::binary) << IdentityModel(dtype(), {-1});
  Restart(GuestMemoryKind::kShared);
  ASSERT_TRUE(environment_->AddNamedModel({.name = "named", .path = file}).ok());

  const std::string model = IdentityModel(dtype(), {-1});
  std::vector<uint32_t> graphs(3, kUntouched);
  EXPECT_EQ(guest().Load(AsBytes(model), &graphs[0]), Errno::kSuccess);
  EXPECT_EQ(guest().LoadByName("named", &graphs[1]), Errno::kSuccess);
  EXPECT_EQ(guest().LoadByNameWithConfig("named", "{}", &graphs[2]), Errno::kSuccess);
  std::filesystem::remove(file);
  const std::vector<std::byte> data = Data(4);
  for (uint32_t graph : graphs) {
    uint32_t context = kUntouched;
    ASSERT_EQ(guest().InitExecutionContext(graph, &context), Errno::kSuccess);
    EXPECT_EQ(guest().Call("unload", {graph}), Errno::kSuccess);
    for (uint32_t number : Numbers()) {
      ASSERT_EQ(guest().SetInput(context, 0, {4}, number, data), Errno::kSuccess);
      ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
      std::vector<std::byte> output;
      uint32_t size = kUntouched;
      EXPECT_EQ(guest().GetOutput(context, 0, 64, &output, &size), Errno::kSuccess);
      EXPECT_EQ(size, data.size());
      EXPECT_EQ(output, data);
    }
    EXPECT_EQ(guest().Call("compute_single", {context}), Errno::kUnsupportedOperation);
    EXPECT_EQ(guest().Call("get_output_single", {context, 0, 0, 0, 0}),
              Errno::kUnsupportedOperation);
    EXPECT_EQ(guest().Call("fini_single", {context}), Errno::kUnsupportedOperation);
    EXPECT_EQ(guest().Call("finalize_execution_context", {context}), Errno::kSuccess);
  }
}

}  // namespace
}  // namespace wnn::testing
