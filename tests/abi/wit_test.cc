// wasi:nn as polite components see it, in every version and under every runtime: every type, shape
// and size, and what becomes of memory.
#include <filesystem>
#include <fstream>
#include <numeric>

#include "tests/abi/wit_fixture.h"
#include "tests/support/model_bytes.h"

namespace wnn::testing {
namespace {

INSTANTIATE_TEST_SUITE_P(Runtimes, WitTest, EveryRuntimeAndVersion(), WitTestName);

TEST_P(WitTest, EveryTensorType) {
  ExpectIdentity(DType::kFloat16, kWitF16, {2, 3}, {2, 3});
  ExpectIdentity(DType::kFloat, kWitF32, {2, 3}, {2, 3});
  ExpectIdentity(DType::kDouble, kWitF64, {2, 3}, {2, 3});
  // Tract lacks bfloat16.
  if (std::get<0>(GetParam()) != "tract") {
    ExpectIdentity(DType::kBfloat16, kWitBf16, {2, 3}, {2, 3});
  }
  ExpectIdentity(DType::kUint8, kWitU8, {2, 3}, {2, 3});
  ExpectIdentity(DType::kInt32, kWitI32, {2, 3}, {2, 3});
  ExpectIdentity(DType::kInt64, kWitI64, {2, 3}, {2, 3});
}

TEST_P(WitTest, TypesWithoutANameCrossAsBytes) {
  ExpectIdentity(DType::kBool, kWitU8, {2, 3}, {2, 3});
  ExpectIdentity(DType::kInt8, kWitU8, {2, 3}, {2, 3});
  ExpectIdentity(DType::kInt16, kWitU8, {2, 3}, {2, 3});
  ExpectIdentity(DType::kUint16, kWitU8, {2, 3}, {2, 3});
  ExpectIdentity(DType::kUint32, kWitU8, {2, 3}, {2, 3});
  ExpectIdentity(DType::kUint64, kWitU8, {2, 3}, {2, 3});
}

TEST_P(WitTest, AnyRankAndZeroElements) {
  ExpectIdentity(DType::kFloat, kWitF32, {}, {});
  ExpectIdentity(DType::kFloat, kWitF32, {1}, {1});
  ExpectIdentity(DType::kFloat, kWitF32, {1, 2, 1, 2, 1, 2, 1, 2, 1}, {1, 2, 1, 2, 1, 2, 1, 2, 1});
  ExpectIdentity(DType::kFloat, kWitF32, {-1, 3}, {0, 3});
}

TEST_P(WitTest, RealOutputShapesComeBack) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, 2}));
  for (uint32_t batch : {1, 5, 2}) {
    std::vector<float> values(batch * 2);
    std::iota(values.begin(), values.end(), static_cast<float>(batch));
    const uint32_t tensor =
        guest().NewTensor({batch, 2}, kWitF32, std::as_bytes(std::span(values)));
    uint32_t output = 0;
    ASSERT_TRUE(InferOne(context, tensor, &output).ok);
    EXPECT_EQ(guest().Dimensions(output), (std::vector<uint32_t>{batch, 2}));
    EXPECT_EQ(ReadFloats(output), values);
  }
}

// A classifier whose labels are words has scores all the same.
TEST_P(WitTest, AnOutputOfStringsIsRefusedOnlyWhereItIsAskedFor) {
  if (std::get<0>(GetParam()) == "tract") GTEST_SKIP() << "Tract has tensors of numbers only";
  const uint32_t context = ContextOn(Model(
      Node("Cast", {"x"}, {"label"}, IntAttribute("to", static_cast<int64_t>(DType::kString))) +
      Node("Identity", {"x"}, {"y"}) + GraphInput("x", DType::kFloat, {1}) +
      GraphOutput("label", DType::kString, {1}) + GraphOutput("y", DType::kFloat, {1})));
  if (version() != WitVersion::k20241028) {
    ASSERT_TRUE(guest().SetInput(context, "x", Floats({3})).ok);
    ASSERT_TRUE(guest().Compute(context).ok);
    EXPECT_EQ(ReadFloats(guest().GetOutput(context, "y").value), std::vector<float>{3});
    ExpectError(guest().GetOutput(context, "label"), abi::WitErrorCode::kUnsupportedOperation,
                "not a tensor of numbers");
    return;
  }
  for (int run = 0; run < 2; ++run) {
    WitTestGuest::Named outputs;
    const Outcome outcome = guest().Run(context, {{"x", Floats({3})}}, &outputs);
    ASSERT_TRUE(outcome.ok) << outcome.message;
    ASSERT_EQ(outputs.size(), 2u);
    EXPECT_EQ(ReadFloats(outputs[1].second), std::vector<float>{3});
    if (run == 0) {
      for (const auto& [name, tensor] : outputs) guest().DropTensor(tensor);
      continue;
    }
    const uint32_t out = guest().Reserve(8);
    EXPECT_FALSE(guest().TryCall("tensor.data", {outputs[0].second, out}).has_value());
    EXPECT_NE(guest().trap().find("not a tensor of numbers"), std::string::npos) << guest().trap();
  }
}

// An output may lie where the input did, whose memory is the next tensor's.
TEST_P(WitTest, OutputsAreThoseOfTheInputsAsTheyAre) {
  if (version() == WitVersion::k20241028) GTEST_SKIP() << "an output is there only once computed";
  const std::string passing =
      Model(GraphInput("y", DType::kFloat, {2}) + GraphOutput("y", DType::kFloat, {2}));
  const uint32_t context = ContextOn(passing);
  ASSERT_TRUE(guest().SetInput(context, "y", Floats({1, 1})).ok);
  ASSERT_TRUE(guest().Compute(context).ok);
  const Outcome kept = guest().GetOutput(context, "y");
  ASSERT_TRUE(kept.ok) << kept.message;
  ASSERT_TRUE(guest().SetInput(context, "y", Floats({2, 2})).ok);
  Floats({3, 3});  // where the first input was
  EXPECT_EQ(ReadFloats(kept.value), (std::vector<float>{1, 1}));
  ExpectError(guest().GetOutput(context, "y"), abi::WitErrorCode::kRuntimeError,
              "nothing was computed");
  ASSERT_TRUE(guest().Compute(context).ok);
  EXPECT_EQ(ReadFloats(guest().GetOutput(context, "y").value), (std::vector<float>{2, 2}));
}

TEST_P(WitTest, TensorsGiveBackWhatTheyWereMadeOf) {
  const std::vector<std::byte> data = {std::byte{1}, std::byte{2}, std::byte{3}};
  const uint32_t tensor = guest().NewTensor({3, 1}, kWitU8, data);
  EXPECT_EQ(guest().Type(tensor), kWitU8);
  EXPECT_EQ(guest().Dimensions(tensor), (std::vector<uint32_t>{3, 1}));
  EXPECT_EQ(guest().Data(tensor), data);
  guest().DropTensor(tensor);
}

TEST_P(WitTest, SeveralInputsAndOutputsByName) {
  const uint32_t context = ContextOn(
      Model(Node("Add", {"a", "b"}, {"sum"}) + Node("Mul", {"a", "b"}, {"product"}) +
            GraphInput("a", DType::kFloat, {2}) + GraphInput("b", DType::kFloat, {2}) +
            GraphOutput("sum", DType::kFloat, {2}) + GraphOutput("product", DType::kFloat, {2})));
  Named outputs;
  ASSERT_TRUE(
      Infer(context, {{"b", Floats({10, 20})}, {"a", Floats({1, 2})}}, {"sum", "product"}, &outputs)
          .ok);
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_EQ(outputs[0].first, "sum");
  EXPECT_EQ(outputs[1].first, "product");
  EXPECT_EQ(ReadFloats(outputs[0].second), (std::vector<float>{11, 22}));
  EXPECT_EQ(ReadFloats(outputs[1].second), (std::vector<float>{10, 40}));
}

TEST_P(WitTest, IndicesAreNamesToo) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  Named outputs;
  ASSERT_TRUE(Infer(context, {{"0", Floats({7})}}, {"0"}, &outputs).ok);
  EXPECT_EQ(ReadFloats(outputs[0].second), std::vector<float>{7});
}

TEST_P(WitTest, InputsKeepTheirValueBetweenComputes) {
  const uint32_t context =
      ContextOn(Model(Node("Add", {"a", "b"}, {"y"}) + GraphInput("a", DType::kFloat, {1}) +
                      GraphInput("b", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1})));
  Named outputs;
  ASSERT_TRUE(Infer(context, {{"a", Floats({1})}, {"b", Floats({2})}}, {"y"}, &outputs).ok);
  ASSERT_TRUE(Infer(context, {{"b", Floats({5})}}, {"y"}, &outputs).ok);
  EXPECT_EQ(ReadFloats(outputs[0].second), std::vector<float>{6});
}

TEST_P(WitTest, OutputsOutliveTheirContext) {
  const uint32_t graph = LoadOrFail(IdentityModel(DType::kFloat, {2}));
  const uint32_t context = guest().Init(graph).value;
  uint32_t first = 0, second = 0;
  ASSERT_TRUE(InferOne(context, Floats({1, 2}), &first).ok);
  ASSERT_TRUE(InferOne(context, Floats({3, 4}), &second).ok);
  guest().Call("context.drop", {context});
  guest().Call("graph.drop", {graph});
  EXPECT_EQ(ReadFloats(first), (std::vector<float>{1, 2}));
  EXPECT_EQ(ReadFloats(second), (std::vector<float>{3, 4}));
}

TEST_P(WitTest, OutputsMayBeInputs) {
  const uint32_t context =
      ContextOn(Model(Node("Add", {"x", "x"}, {"y"}) + GraphInput("x", DType::kFloat, {1}) +
                      GraphOutput("y", DType::kFloat, {1})));
  uint32_t tensor = Floats({1});
  for (float expected : {2.0f, 4.0f, 8.0f}) {
    ASSERT_TRUE(InferOne(context, tensor, &tensor).ok);
    EXPECT_EQ(ReadFloats(tensor), std::vector<float>{expected});
  }
}

TEST_P(WitTest, ContextsOfOneGraphAreApart) {
  const uint32_t graph = LoadOrFail(IdentityModel(DType::kFloat, {1}));
  const uint32_t one = guest().Init(graph).value;
  const uint32_t two = guest().Init(graph).value;
  uint32_t output_one = 0, output_two = 0;
  ASSERT_TRUE(InferOne(one, Floats({1}), &output_one).ok);
  ASSERT_TRUE(InferOne(two, Floats({2}), &output_two).ok);
  EXPECT_EQ(ReadFloats(output_one), std::vector<float>{1});
  EXPECT_EQ(ReadFloats(output_two), std::vector<float>{2});
}

TEST_P(WitTest, Autodetect) {
  EXPECT_TRUE(guest().Load(AsBytes(IdentityModel(DType::kFloat, {1})), 6).ok);
}

TEST_P(WitTest, LoadByName) {
  const auto folder =
      std::filesystem::path(::testing::TempDir()) / ("wit_test_" + WitTestName({GetParam(), 0}));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "model.onnx", std::ios::binary) << IdentityModel(DType::kFloat, {1});
  ASSERT_TRUE(environment_->AddNamedModel({"näme", folder}).ok());
  const Outcome graph = guest().LoadByName("näme");
  ASSERT_TRUE(graph.ok) << graph.message;
  EXPECT_TRUE(guest().Init(graph.value).ok);
  std::filesystem::remove_all(folder);
}

TEST_P(WitTest, GuestsMayMakeErrors) {
  if (version() != WitVersion::k20240625) GTEST_SKIP() << "only 2024-06-25 has the constructor";
  const std::string text = "mine";
  const uint32_t address = guest().Put(AsBytes(text));
  const uint32_t error = guest().Call("error.new", {5, address, 4});
  EXPECT_EQ(guest().Call("error.code", {error}),
            static_cast<uint32_t>(abi::WitErrorCode::kTooLarge));
  const uint32_t out = guest().Reserve(8);
  guest().Call("error.data", {error, out});
  EXPECT_EQ(guest().ReadU32(out + 4), 4u);
  EXPECT_TRUE(guest().Same(guest().ReadU32(out), address, 4));
}

// --- size and memory ---------------------------------------------------------------------------

// A tensor of `size` bytes from the guest's memory through an identity model and back.
class WitLargeTest : public WitTest {
 protected:
  void ExpectLargeIdentity(uint32_t context, uint32_t size) {
    const uint32_t data = guest().Reserve(size);
    const std::vector<std::byte> mark = {std::byte{1}, std::byte{2}};
    const uint32_t pattern = guest().Put(mark);
    ASSERT_NE(pattern, 0u);
    const uint32_t dims = guest().PutU32s({size});
    const uint32_t tensor = guest().Call("tensor.new", {dims, 1, kWitU8, data, size});
    uint32_t output = 0;
    ASSERT_TRUE(InferOne(context, tensor, &output).ok);
    const uint32_t out = guest().Reserve(8);
    guest().Call("tensor.data", {output, out});
    ASSERT_EQ(guest().ReadU32(out + 4), size);
    EXPECT_TRUE(guest().Same(guest().ReadU32(out), data, size));
    guest().DropTensor(output);
  }
};

INSTANTIATE_TEST_SUITE_P(Runtimes, WitLargeTest,
                         ::testing::Combine(::testing::ValuesIn(BuiltRuntimes()),
                                            ::testing::Values(WitVersion::k20241028,
                                                              WitVersion::k20240819)),
                         WitTestName);

TEST_P(WitLargeTest, OneMegabyte) {
  ExpectLargeIdentity(ContextOn(IdentityModel(DType::kUint8, {-1})), 1 << 20);
}

TEST_P(WitLargeTest, AHundredMegabytes) {
  ExpectLargeIdentity(ContextOn(IdentityModel(DType::kUint8, {-1})), 100'000'000);
}

TEST_P(WitLargeTest, AsLargeAsTheLimitNotAsWasmtimes) {
  ExpectLargeIdentity(ContextOn(IdentityModel(DType::kUint8, {-1})), (128 << 20) + 8);
}

TEST_P(WitTest, DroppedResourcesFreeTheirMemoryAtOnce) {
  constexpr uint32_t kSize = 1 << 16;
  // Twenty would not fit. Tract's graph takes one more, and its copy of an input another.
  const uint32_t n_fit = std::get<0>(GetParam()) == "tract" ? 6 : 4;
  session_options_.limits.max_memory_bytes = n_fit * kSize + 4096;
  Restart();
  const uint32_t context = ContextOn(IdentityModel(DType::kUint8, {-1}));
  const uint32_t data = guest().Reserve(kSize);
  const uint32_t dims = guest().PutU32s({kSize});
  for (int i = 0; i < 20; ++i) {
    const uint32_t dropped = guest().Call("tensor.new", {dims, 1, kWitU8, data, kSize});
    guest().DropTensor(dropped);
    const uint32_t used = guest().Call("tensor.new", {dims, 1, kWitU8, data, kSize});
    uint32_t output = 0;
    const Outcome outcome = InferOne(context, used, &output);
    ASSERT_TRUE(outcome.ok) << outcome.message;
    guest().DropTensor(output);
  }
}

TEST_P(WitTest, DroppedGraphsAndContextsMakeRoom) {
  session_options_.limits = {.max_graphs = 1, .max_contexts = 1};
  Restart();
  const std::string model = IdentityModel(DType::kFloat, {1});
  for (int i = 0; i < 3; ++i) {
    const uint32_t graph = LoadOrFail(model);
    ExpectError(guest().Load(AsBytes(model)), abi::WitErrorCode::kTooLarge, "limit");
    const Outcome context = guest().Init(graph);
    ASSERT_TRUE(context.ok) << context.message;
    ExpectError(guest().Init(graph), abi::WitErrorCode::kTooLarge, "limit");
    guest().Call("graph.drop", {graph});
    EXPECT_TRUE(InferOne(context.value, Floats({1})).ok);  // which lives on
    guest().Call("context.drop", {context.value});
  }
}

TEST_P(WitTest, TooManyTensorsTrap) {
  const uint32_t dims = guest().PutU32s({1});
  const uint32_t data = guest().PutU32s({0});
  for (size_t i = 0; i < abi::WitGuest::kMaxResources; ++i) {
    ASSERT_TRUE(guest().TryCall("tensor.new", {dims, 1, kWitF32, data, 4}).has_value());
  }
  EXPECT_FALSE(guest().TryCall("tensor.new", {dims, 1, kWitF32, data, 4}).has_value());
  EXPECT_NE(guest().trap().find("it must drop some"), std::string::npos) << guest().trap();
}

}  // namespace
}  // namespace wnn::testing
