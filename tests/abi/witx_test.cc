// The witx ABI as polite guests see it, under every runtime and in every dialect.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "tests/abi/witx_fixture.h"

namespace wnn::testing {
namespace {

constexpr uint32_t kF32 = 1;  // in every dialect

INSTANTIATE_TEST_SUITE_P(Abi, WitxTest, EveryRuntimeAndDialect(), WitxParamName);

TEST_P(WitxTest, AnyRank) {
  ExpectIdentity(DType::kFloat, kF32, {}, {});
  ExpectIdentity(DType::kFloat, kF32, {1}, {1});
  ExpectIdentity(DType::kFloat, kF32, {1, 2, 1, 2, 1, 2, 1, 2, 1}, {1, 2, 1, 2, 1, 2, 1, 2, 1});
}

TEST_P(WitxTest, DynamicBatchOnOneContext) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, 2}));
  for (uint32_t batch : {1, 5, 2}) {
    std::vector<float> values(batch * 2);
    std::iota(values.begin(), values.end(), static_cast<float>(batch));
    ASSERT_EQ(guest().SetInput(context, 0, {batch, 2}, kF32, Floats(values)), Errno::kSuccess);
    ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
    std::vector<std::byte> output;
    uint32_t size = 0;
    ASSERT_EQ(guest().GetOutput(context, 0, 64, &output, &size), Errno::kSuccess);
    EXPECT_EQ(size, batch * 8);
    EXPECT_EQ(std::memcmp(output.data(), values.data(), size), 0);
  }
}

TEST_P(WitxTest, SeveralInputsAndOutputs) {
  const uint32_t context = ContextOn(
      Model(Node("Add", {"a", "b"}, {"sum"}) + Node("Mul", {"a", "b"}, {"product"}) +
            GraphInput("a", DType::kFloat, {2}) + GraphInput("b", DType::kFloat, {2}) +
            GraphOutput("sum", DType::kFloat, {2}) + GraphOutput("product", DType::kFloat, {2})));
  ASSERT_EQ(guest().SetInput(context, 1, {2}, kF32, Floats({10, 20})), Errno::kSuccess);
  ASSERT_EQ(guest().SetInput(context, 0, {2}, kF32, Floats({1, 2})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  std::vector<std::byte> output;
  uint32_t size = 0;
  ASSERT_EQ(guest().GetOutput(context, 1, 8, &output, &size), Errno::kSuccess);
  EXPECT_EQ(std::memcmp(output.data(), Floats({10, 40}).data(), 8), 0);
  ASSERT_EQ(guest().GetOutput(context, 0, 8, &output, &size), Errno::kSuccess);
  EXPECT_EQ(std::memcmp(output.data(), Floats({11, 22}).data(), 8), 0);
}

TEST_P(WitxTest, GraphsAndContextsDoNotMix) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  const uint32_t one = ContextOn(model);
  const uint32_t two = ContextOn(model);
  ASSERT_EQ(guest().SetInput(one, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  ASSERT_EQ(guest().SetInput(two, 0, {1}, kF32, Floats({2})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(two), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(one), Errno::kSuccess);
  for (auto [context, expected] : {std::pair{one, 1.0f}, std::pair{two, 2.0f}}) {
    std::vector<std::byte> output;
    uint32_t size = 0;
    ASSERT_EQ(guest().GetOutput(context, 0, 4, &output, &size), Errno::kSuccess);
    float value;
    std::memcpy(&value, output.data(), 4);
    EXPECT_EQ(value, expected);
  }
}

TEST_P(WitxTest, InputsKeepTheirValueBetweenComputes) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({3})), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess);
}

// A classifier whose labels are words has scores all the same.
TEST_P(WitxTest, AnOutputOfStringsIsRefusedOnlyWhereItIsAskedFor) {
  if (std::get<0>(GetParam()) == "tract") GTEST_SKIP() << "Tract has tensors of numbers only";
  const uint32_t context = ContextOn(Model(
      Node("Cast", {"x"}, {"label"}, IntAttribute("to", static_cast<int64_t>(DType::kString))) +
      Node("SequenceConstruct", {"x"}, {"all"}) + Node("Identity", {"x"}, {"y"}) +
      GraphInput("x", DType::kFloat, {1}) + GraphOutput("label", DType::kString, {1}) +
      Bytes(12, Bytes(1, "all") + Bytes(2, Bytes(4, Bytes(1, TensorType(DType::kFloat, {1}))))) +
      GraphOutput("y", DType::kFloat, {1})));
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({3})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  std::vector<std::byte> output;
  uint32_t size = 0;
  ASSERT_EQ(guest().GetOutput(context, 2, 4, &output, &size), Errno::kSuccess);
  EXPECT_EQ(std::memcmp(output.data(), Floats({3}).data(), 4), 0);
  for (uint32_t index : {0, 1}) {
    EXPECT_EQ(guest().GetOutput(context, index, 4, &output, &size), Errno::kUnsupportedOperation);
  }
}

TEST_P(WitxTest, BothAutodetectNumbers) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  for (uint32_t encoding : {5, 6}) {
    uint32_t graph = kUntouched;
    EXPECT_EQ(guest().Load(AsBytes(model), &graph, encoding), Errno::kSuccess);
  }
}

TEST_P(WitxTest, MisalignedPointersAreAccepted) {
  const std::string model = IdentityModel(DType::kFloat, {1, 2});
  const uint32_t data = guest().Put(AsBytes(model), 1);
  const uint32_t builder = guest().PutU32s({data, static_cast<uint32_t>(model.size())}, 1);
  const uint32_t out = guest().Reserve(8) + 3;
  ASSERT_EQ(guest().Call("load", {builder, 1, 1, 0, out}), Errno::kSuccess);
  const uint32_t graph = guest().ReadU32(out);
  ASSERT_EQ(guest().Call("init_execution_context", {graph, out}), Errno::kSuccess);
  const uint32_t context = guest().ReadU32(out);
  const std::vector<float> values = {1.5f, -2};
  const uint32_t dims = guest().PutU32s({1, 2}, 3);
  const uint32_t tensor_data = guest().Put(Floats(values), 5);
  const uint32_t tensor = guest().PutU32s({dims, 2, kF32, tensor_data, 8}, 7);
  ASSERT_EQ(guest().Call("set_input", {context, 0, tensor}), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  const uint32_t buffer = guest().Reserve(16) + 1;
  ASSERT_EQ(guest().Call("get_output", {context, 0, buffer, 8, out}), Errno::kSuccess);
  EXPECT_EQ(std::memcmp(guest().memory().data() + buffer, values.data(), 8), 0);
}

// A model that the host has under a name.
class WitxNamedTest : public WitxTest {
 protected:
  void SetUp() override {
    WitxTest::SetUp();
    if (IsSkipped()) return;
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    folder_ = std::filesystem::path(::testing::TempDir()) / ("witx_test_" + name);
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "model.onnx", std::ios::binary) << IdentityModel(DType::kFloat, {1});
    ASSERT_TRUE(environment_->AddNamedModel({.name = "näme", .path = folder_}).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

 private:
  std::filesystem::path folder_;
};

INSTANTIATE_TEST_SUITE_P(Abi, WitxNamedTest, EveryRuntimeAndDialect(), WitxParamName);

TEST_P(WitxNamedTest, LoadByName) {
  uint32_t graph = kUntouched;
  EXPECT_EQ(guest().LoadByName("näme", &graph), Errno::kSuccess);
  EXPECT_EQ(graph, 0u);
}

TEST_P(WitxNamedTest, LoadByNameWithConfig) {
  for (const char* config : {"", "{}", R"({"ctx-size": 512})", "no JSON at all"}) {
    uint32_t graph = kUntouched;
    EXPECT_EQ(guest().LoadByNameWithConfig("näme", config, &graph), Errno::kSuccess) << config;
    uint32_t context = kUntouched;
    EXPECT_EQ(guest().InitExecutionContext(graph, &context), Errno::kSuccess);
  }
  uint32_t graph = kUntouched;
  EXPECT_EQ(guest().LoadByNameWithConfig("näme", "\xff", &graph), Errno::kInvalidArgument);
  EXPECT_EQ(guest().LoadByNameWithConfig("nobody", "{}", &graph), Errno::kNotFound);
  EXPECT_EQ(graph, kUntouched);
}

TEST_P(WitxTest, UnloadedGraphsServeTheirContexts) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  const uint32_t graph = LoadOrFail(model);
  uint32_t context = kUntouched;
  ASSERT_EQ(guest().InitExecutionContext(graph, &context), Errno::kSuccess);
  EXPECT_EQ(guest().Call("unload", {graph}), Errno::kSuccess);
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(guest().Call("finalize_execution_context", {context}), Errno::kSuccess);
  // Handles are not given out again.
  uint32_t next_context = kUntouched;
  const uint32_t next_graph = LoadOrFail(model);
  EXPECT_EQ(guest().InitExecutionContext(next_graph, &next_context), Errno::kSuccess);
  EXPECT_EQ(next_graph, graph + 1);
  EXPECT_EQ(next_context, context + 1);
}

TEST_P(WitxTest, AutoTarget) {
  uint32_t graph = kUntouched;
  EXPECT_EQ(guest().Load(AsBytes(IdentityModel(DType::kFloat, {1})), &graph, 1, 3),
            Errno::kSuccess);
}

// Hosts of old read a model when they made its first context, and their guests may rely on it.
TEST_P(WitxTest, NoBytesFailLateInTheOldDialectOnly) {
  for (uint32_t encoding : {1, 5, 6}) {
    uint32_t graph = kUntouched;
    uint32_t context = kUntouched;
    const Errno code = guest().Load({}, &graph, encoding);
    if (dialect() != WitxDialect::kOld) {
      EXPECT_EQ(code, Errno::kInvalidEncoding);
      EXPECT_EQ(graph, kUntouched);
      continue;
    }
    EXPECT_EQ(code, Errno::kSuccess);
    EXPECT_EQ(guest().InitExecutionContext(graph, &context), Seen(Errno::kInvalidEncoding));
    EXPECT_EQ(context, kUntouched);
    EXPECT_EQ(guest().Call("unload", {graph}), Errno::kSuccess);
  }
  uint32_t graph = kUntouched;
  EXPECT_EQ(guest().Load({}, &graph, 0), Seen(Errno::kInvalidEncoding));  // OpenVINO
}

}  // namespace
}  // namespace wnn::testing
