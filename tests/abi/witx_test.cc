// The witx ABI as guests see it, under every runtime: polite calls with every type and shape, and a
// test for each row of the error table in docs/abi.md.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "host/runtimes/builtin/builtin.h"
#include "host/runtimes/onnxruntime/onnxruntime.h"
#include "tests/abi/guest.h"
#include "tests/support/model_bytes.h"

namespace wnn::testing {
namespace {

using abi::Errno;

constexpr uint32_t kF16 = 0, kF32 = 1, kF64 = 2, kU8 = 3, kI32 = 4, kI64 = 5;
constexpr uint32_t kUntouched = 0xffffffff;

std::shared_ptr<const runtimes::Runtime> RuntimeNamed(const std::string& name) {
  if (name == "builtin") return runtimes::MakeBuiltinRuntime();
  static auto onnxruntime = runtimes::OpenOnnxRuntime({});
  return onnxruntime ? *onnxruntime : nullptr;
}

class WitxTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    options_.runtime = RuntimeNamed(GetParam());
    if (options_.runtime == nullptr) GTEST_SKIP() << "there is no libonnxruntime on this machine";
    Restart();
  }
  // A fresh environment, session and guest, as `options_` and `session_options_` say.
  void Restart(GuestMemoryKind memory = GuestMemoryKind::kExported) {
    guest_.reset();
    session_.reset();
    environment_ = std::make_shared<nn::Environment>(options_);
    session_ = std::make_unique<nn::Session>(environment_, session_options_);
    guest_ = std::make_unique<Guest>(*session_, memory);
  }
  Guest& guest() { return *guest_; }

  uint32_t LoadOrFail(const std::string& model) {
    uint32_t graph = kUntouched;
    EXPECT_EQ(guest().Load(AsBytes(model), &graph), Errno::kSuccess);
    return graph;
  }
  uint32_t ContextOn(const std::string& model) {
    uint32_t context = kUntouched;
    EXPECT_EQ(guest().InitExecutionContext(LoadOrFail(model), &context), Errno::kSuccess);
    return context;
  }
  Errno LoadCode(const std::string& model, uint32_t encoding = 1, uint32_t target = 0) {
    uint32_t graph = kUntouched;
    const Errno code = guest().Load(AsBytes(model), &graph, encoding, target);
    EXPECT_EQ(graph, kUntouched);  // no handle with an error
    return code;
  }
  // What goes into an identity model comes out.
  void ExpectIdentity(DType dtype, uint32_t tag, const std::vector<int64_t>& declared,
                      const std::vector<uint32_t>& dims) {
    const uint32_t context = ContextOn(IdentityModel(dtype, declared));
    uint64_t n_elements = 1;
    for (uint32_t dim : dims) n_elements *= dim;
    std::vector<std::byte> data(*DenseBytes(dtype, static_cast<int64_t>(n_elements)));
    for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i * 7 + 1);
    ASSERT_EQ(guest().SetInput(context, 0, dims, tag, data), Errno::kSuccess);
    ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
    std::vector<std::byte> output;
    uint32_t size = kUntouched;
    ASSERT_EQ(guest().GetOutput(context, 0, static_cast<uint32_t>(data.size()) + 8, &output, &size),
              Errno::kSuccess);
    EXPECT_EQ(size, data.size());
    EXPECT_EQ(output, data);
  }
  static std::span<const std::byte> Floats(const std::vector<float>& values) {
    return std::as_bytes(std::span(values));
  }

  nn::EnvironmentOptions options_;
  nn::SessionOptions session_options_;
  std::shared_ptr<nn::Environment> environment_;
  std::unique_ptr<nn::Session> session_;
  std::unique_ptr<Guest> guest_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, WitxTest, ::testing::Values("builtin", "onnxruntime"),
                         [](const auto& info) { return info.param; });

// --- polite guests -----------------------------------------------------------------------------

TEST_P(WitxTest, EveryTensorType) {
  ExpectIdentity(DType::kFloat16, kF16, {2, 3}, {2, 3});
  ExpectIdentity(DType::kFloat, kF32, {2, 3}, {2, 3});
  ExpectIdentity(DType::kDouble, kF64, {2, 3}, {2, 3});
  ExpectIdentity(DType::kUint8, kU8, {2, 3}, {2, 3});
  ExpectIdentity(DType::kInt32, kI32, {2, 3}, {2, 3});
  ExpectIdentity(DType::kInt64, kI64, {2, 3}, {2, 3});
}

TEST_P(WitxTest, OldTensorTypeNumbers) {
  ExpectIdentity(DType::kUint8, 2, {2, 3}, {2, 3});
  ExpectIdentity(DType::kInt32, 3, {2, 3}, {2, 3});
}

TEST_P(WitxTest, AnyRankAndZeroElements) {
  ExpectIdentity(DType::kFloat, kF32, {}, {});
  ExpectIdentity(DType::kFloat, kF32, {1}, {1});
  ExpectIdentity(DType::kFloat, kF32, {1, 2, 1, 2, 1, 2, 1, 2, 1}, {1, 2, 1, 2, 1, 2, 1, 2, 1});
  ExpectIdentity(DType::kFloat, kF32, {-1, 3}, {0, 3});
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

TEST_P(WitxTest, SharedMemory) {
  Restart(GuestMemoryKind::kShared);
  ExpectIdentity(DType::kFloat, kF32, {2, 3}, {2, 3});
}

TEST_P(WitxTest, LoadByName) {
  const auto folder = std::filesystem::path(::testing::TempDir()) / ("witx_test_" + GetParam());
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "model.onnx", std::ios::binary) << IdentityModel(DType::kFloat, {1});
  ASSERT_TRUE(environment_->AddNamedModel("näme", folder).ok());
  uint32_t graph = kUntouched;
  EXPECT_EQ(guest().LoadByName("näme", &graph), Errno::kSuccess);
  EXPECT_EQ(graph, 0u);
  std::filesystem::remove_all(folder);
}

// --- the error table ---------------------------------------------------------------------------

TEST_P(WitxTest, NoExportedMemory) {
  Restart(GuestMemoryKind::kMissing);
  EXPECT_EQ(guest().Call("load", {0, 1, 1, 0, 0}), Errno::kMissingMemory);
  EXPECT_EQ(guest().Call("load_by_name", {0, 0, 0}), Errno::kMissingMemory);
  EXPECT_EQ(guest().Call("init_execution_context", {0, 0}), Errno::kMissingMemory);
  EXPECT_EQ(guest().Call("set_input", {0, 0, 0}), Errno::kMissingMemory);
  EXPECT_EQ(guest().Call("compute", {0}), Errno::kMissingMemory);
  EXPECT_EQ(guest().Call("get_output", {0, 0, 0, 0, 0}), Errno::kMissingMemory);
}

TEST_P(WitxTest, PointersOutsideTheMemory) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  const auto model_size = static_cast<uint32_t>(model.size());
  const uint32_t end = Guest::kMemoryBytes;
  const uint32_t out = guest().Reserve(4);
  const uint32_t data = guest().Put(AsBytes(model));
  const uint32_t builder = guest().PutU32s({data, model_size});
  const uint32_t context = ContextOn(model);
  const uint32_t dims = guest().PutU32s({1});
  const uint32_t value = guest().PutU32s({0});
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);

  const uint32_t builder_past_end = guest().PutU32s({end - 4, model_size});
  const uint32_t builder_wraps = guest().PutU32s({0xfffffff0, model_size});
  const uint32_t builder_too_long = guest().PutU32s({data, 0xffffffff});
  for (uint32_t bad :
       {end - 4, end, 0xfffffffcu, builder_past_end, builder_wraps, builder_too_long}) {
    EXPECT_EQ(guest().Call("load", {bad, 1, 1, 0, out}), Errno::kInvalidArgument) << bad;
  }
  for (uint32_t bad : {end - 3, end, 0xffffffffu}) {
    EXPECT_EQ(guest().Call("load", {builder, 1, 1, 0, bad}), Errno::kInvalidArgument) << bad;
    EXPECT_EQ(guest().Call("load_by_name", {data, 1, bad}), Errno::kInvalidArgument) << bad;
    EXPECT_EQ(guest().Call("load_by_name", {bad, 8, out}), Errno::kInvalidArgument) << bad;
    EXPECT_EQ(guest().Call("init_execution_context", {0, bad}), Errno::kInvalidArgument) << bad;
    EXPECT_EQ(guest().Call("set_input", {context, 0, bad}), Errno::kInvalidArgument) << bad;
    const std::vector<uint32_t> tensors = {guest().PutU32s({bad, 1, kF32, value, 4}),
                                           guest().PutU32s({dims, 1, kF32, bad, 4})};
    for (uint32_t tensor : tensors) {
      EXPECT_EQ(guest().Call("set_input", {context, 0, tensor}), Errno::kInvalidArgument) << bad;
    }
    EXPECT_EQ(guest().Call("get_output", {context, 0, bad, 4, out}), Errno::kInvalidArgument);
    EXPECT_EQ(guest().Call("get_output", {context, 0, value, 4, bad}), Errno::kInvalidArgument);
  }
  const uint32_t too_many_dims = guest().PutU32s({dims, 0x40000001, kF32, value, 4});
  EXPECT_EQ(guest().Call("set_input", {context, 0, too_many_dims}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("load_by_name", {data, 0xffffffff, out}), Errno::kInvalidArgument);
  // All of that changed nothing.
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess);
}

TEST_P(WitxTest, NamesThatAreNotUtf8) {
  uint32_t graph = kUntouched;
  for (std::string_view name : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_EQ(guest().LoadByName(name, &graph), Errno::kInvalidArgument);
  }
}

TEST_P(WitxTest, EncodingsThatAreNotOnnx) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  for (uint32_t encoding : {0u, 2u, 3u, 4u, 7u, 99u, 0xffffffffu}) {
    EXPECT_EQ(LoadCode(model, encoding), Errno::kInvalidEncoding) << encoding;
  }
}

TEST_P(WitxTest, BytesThatDoNotParse) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  for (uint32_t encoding : {1, 5, 6}) {
    EXPECT_EQ(LoadCode("", encoding), Errno::kInvalidEncoding);
    EXPECT_EQ(LoadCode("this is no model at all", encoding), Errno::kInvalidEncoding);
    EXPECT_EQ(LoadCode(model.substr(0, model.size() / 2), encoding), Errno::kInvalidEncoding);
    EXPECT_EQ(LoadCode(std::string(1000, '\0'), encoding), Errno::kInvalidEncoding);
  }
}

TEST_P(WitxTest, NoBuilderOrSeveral) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  const auto size = static_cast<uint32_t>(model.size());
  const uint32_t data = guest().Put(AsBytes(model));
  const uint32_t builders = guest().PutU32s({data, size, data, size});
  const uint32_t out = guest().Reserve(4);
  EXPECT_EQ(guest().Call("load", {builders, 0, 1, 0, out}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("load", {builders, 2, 1, 0, out}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("load", {builders, 0xffffffff, 1, 0, out}), Errno::kInvalidArgument);
}

TEST_P(WitxTest, GraphsThatAreInvalid) {
  const std::string ends =
      GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1});
  EXPECT_EQ(LoadCode(Model(Node("Relu", {"nothing"}, {"y"}) + ends)), Errno::kInvalidArgument);
  EXPECT_EQ(LoadCode(Model(ends)), Errno::kInvalidArgument);  // nothing makes y
  EXPECT_EQ(LoadCode(Model(Node("Relu", {"x"}, {"y"}) + Node("Relu", {"x"}, {"y"}) + ends)),
            Errno::kInvalidArgument);
  EXPECT_EQ(LoadCode(Model(Node("Relu", {"x", "x"}, {"y"}) + ends)), Errno::kInvalidArgument);
}

TEST_P(WitxTest, OperatorsThatTheRuntimeLacks) {
  EXPECT_EQ(
      LoadCode(Model(Node("NoSuchOperator", {"x"}, {"y"}) + GraphInput("x", DType::kFloat, {1}) +
                     GraphOutput("y", DType::kFloat, {1}))),
      Errno::kUnsupportedOperation);
}

TEST_P(WitxTest, Targets) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  EXPECT_EQ(LoadCode(model, 1, 2), Errno::kUnsupportedOperation);  // tpu
  EXPECT_EQ(LoadCode(model, 1, 1), Errno::kUnsupportedOperation);  // gpu
  EXPECT_EQ(LoadCode(model, 1, 3), Errno::kInvalidArgument);
  EXPECT_EQ(LoadCode(model, 1, 0xffffffff), Errno::kInvalidArgument);
}

TEST_P(WitxTest, ExternalData) {
  const std::string tensor = Number(1, 1) + Number(2, 1) + Bytes(8, "w") + Number(14, 1) +
                             Bytes(13, Bytes(1, "location") + Bytes(2, "/etc/passwd"));
  EXPECT_EQ(
      LoadCode(Model(Node("Add", {"x", "w"}, {"y"}) + Bytes(5, tensor) +
                     GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1}))),
      Errno::kUnsupportedOperation);
}

TEST_P(WitxTest, ModelsAndTensorsOverTheirLimits) {
  options_.limits.max_model_bytes = 100;
  Restart();
  EXPECT_EQ(LoadCode(Model(Bytes(10, std::string(200, 'a')))), Errno::kTooLarge);
  options_.limits = {};
  options_.limits.max_tensor_bytes = 7;
  options_.limits.max_rank = 2;
  Restart();
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, -1}));
  EXPECT_EQ(guest().SetInput(context, 0, {2, 1}, kF32, Floats({1, 2})), Errno::kTooLarge);
  EXPECT_EQ(guest().SetInput(context, 0, {1, 1, 1}, kF32, Floats({1})), Errno::kTooLarge);
  EXPECT_EQ(guest().SetInput(context, 0, {1, 1}, kF32, Floats({1})), Errno::kSuccess);
}

TEST_P(WitxTest, GraphsAndContextsOverTheirLimits) {
  session_options_.limits = {.max_graphs = 1, .max_contexts = 1};
  Restart();
  const std::string model = IdentityModel(DType::kFloat, {1});
  ContextOn(model);
  EXPECT_EQ(LoadCode(model), Errno::kTooLarge);
  uint32_t context = kUntouched;
  EXPECT_EQ(guest().InitExecutionContext(0, &context), Errno::kTooLarge);
}

TEST_P(WitxTest, OutputBufferTooSmall) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {2}));
  ASSERT_EQ(guest().SetInput(context, 0, {2}, kF32, Floats({1, 2})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  for (uint32_t size : {0, 7}) {
    std::vector<std::byte> output;
    uint32_t needed = kUntouched;
    EXPECT_EQ(guest().GetOutput(context, 0, size, &output, &needed), Errno::kTooLarge);
    EXPECT_EQ(needed, 8u);
    for (std::byte byte : output) EXPECT_EQ(byte, std::byte{0xff});
  }
}

TEST_P(WitxTest, UnknownTensorTypes) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  for (uint32_t tag : {6, 7, 100, 255}) {
    EXPECT_EQ(guest().SetInput(context, 0, {1}, tag, Floats({1})), Errno::kInvalidArgument) << tag;
  }
}

TEST_P(WitxTest, TensorsThatTheModelDoesNotAllow) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, 2}));
  const std::vector<int32_t> integers = {1, 2};
  EXPECT_EQ(guest().SetInput(context, 0, {1, 2}, kI32, std::as_bytes(std::span(integers))),
            Errno::kInvalidArgument);
  EXPECT_EQ(guest().SetInput(context, 0, {2}, kF32, Floats({1, 2})), Errno::kInvalidArgument);
  EXPECT_EQ(guest().SetInput(context, 0, {1, 3}, kF32, Floats({1, 2, 3})), Errno::kInvalidArgument);
  EXPECT_EQ(guest().SetInput(context, 0, {1, 2}, kF32, Floats({1})), Errno::kInvalidArgument);
  EXPECT_EQ(guest().SetInput(context, 0, {1, 2}, kF32, Floats({1, 2}).first(7)),
            Errno::kInvalidArgument);
  EXPECT_EQ(guest().SetInput(context, 0, {1, 2}, kF32, Floats({1, 2, 3})), Errno::kInvalidArgument);
  // Their product leaves 64 bits.
  const std::vector<uint32_t> huge(3, 0xffffffff);
  EXPECT_EQ(guest().SetInput(context, 0, huge, kF32, Floats({1, 2})), Errno::kInvalidArgument);
}

TEST_P(WitxTest, UnknownInputsAndOutputs) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  EXPECT_EQ(guest().SetInput(context, 1, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
  EXPECT_EQ(guest().SetInput(context, 0xffffffff, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  std::vector<std::byte> output;
  uint32_t size = 0;
  EXPECT_EQ(guest().GetOutput(context, 1, 4, &output, &size), Errno::kInvalidArgument);
}

TEST_P(WitxTest, UnknownHandles) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  const uint32_t context = ContextOn(model);
  uint32_t out = kUntouched;
  std::vector<std::byte> output;
  EXPECT_EQ(guest().InitExecutionContext(1, &out), Errno::kInvalidArgument);
  EXPECT_EQ(guest().InitExecutionContext(0xffffffff, &out), Errno::kInvalidArgument);
  EXPECT_EQ(out, kUntouched);
  EXPECT_EQ(guest().SetInput(context + 1, 0, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Compute(context + 1), Errno::kInvalidArgument);
  EXPECT_EQ(guest().GetOutput(context + 1, 0, 4, &output, &out), Errno::kInvalidArgument);
}

TEST_P(WitxTest, ComputeWithAnInputMissing) {
  const uint32_t context =
      ContextOn(Model(Node("Add", {"a", "b"}, {"y"}) + GraphInput("a", DType::kFloat, {1}) +
                      GraphInput("b", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1})));
  EXPECT_EQ(guest().Compute(context), Errno::kInvalidArgument);
  ASSERT_EQ(guest().SetInput(context, 1, {1}, kF32, Floats({1})), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kInvalidArgument);
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess);
}

TEST_P(WitxTest, UnknownGraphName) {
  uint32_t graph = kUntouched;
  EXPECT_EQ(guest().LoadByName("nobody", &graph), Errno::kNotFound);
  EXPECT_EQ(guest().LoadByName("", &graph), Errno::kNotFound);
  EXPECT_EQ(guest().LoadByName("../models", &graph), Errno::kNotFound);
}

TEST_P(WitxTest, OutputBeforeCompute) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  std::vector<std::byte> output;
  uint32_t size = 0;
  EXPECT_EQ(guest().GetOutput(context, 0, 4, &output, &size), Errno::kRuntimeError);
}

TEST_P(WitxTest, DeadlinePassed) {
  CancellationToken token;
  session_options_.stop.cancel = &token;
  Restart();
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  token.Cancel();
  EXPECT_EQ(guest().Compute(context), Errno::kRuntimeError);
}

// `busy` needs a second thread of the guest inside a compute: host/nn/session_test.cc has it, on a
// runtime that the test holds inside Compute.

}  // namespace
}  // namespace wnn::testing
