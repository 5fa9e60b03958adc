// Every row of the error table in docs/abi.md for the witx ABI, under every runtime and in every
// dialect.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/log.h"
#include "tests/abi/witx_fixture.h"

namespace wnn::testing {
namespace {

constexpr uint32_t kF32 = 1;  // in every dialect

class RecordingLogger final : public Logger {
 public:
  bool Enabled(LogLevel level) const override { return level <= LogLevel::kWarn; }
  void Log(LogLevel /*level*/, std::string_view message) override { last = message; }
  std::string last;
};

class WitxErrorTest : public WitxTest {
 protected:
  RecordingLogger log_;
};

INSTANTIATE_TEST_SUITE_P(Abi, WitxErrorTest, EveryRuntimeAndDialect(), WitxParamName);

TEST_P(WitxErrorTest, NoExportedMemory) {
  Restart(GuestMemoryKind::kMissing);
  for (const HostFunction& function : HostFunctions()) {
    const std::vector<uint32_t> zeros(function.n_params);
    EXPECT_EQ(guest().Call(function.name, zeros), Seen(Errno::kMissingMemory)) << function.name;
  }
}

TEST_P(WitxErrorTest, PointersOutsideTheMemory) {
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
    for (const std::vector<uint32_t>& args : {std::vector{bad, 8u, data, 0u, out},
                                              {data, 1u, bad, 8u, out},
                                              {data, 1u, data, 1u, bad}}) {
      EXPECT_EQ(guest().Call("load_by_name_with_config", args), Errno::kInvalidArgument) << bad;
    }
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

TEST_P(WitxErrorTest, NamesThatAreNotUtf8) {
  uint32_t graph = kUntouched;
  for (std::string_view name : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_EQ(guest().LoadByName(name, &graph), Errno::kInvalidArgument);
  }
}

TEST_P(WitxErrorTest, EncodingsThatAreNotOnnx) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  for (uint32_t encoding : {0u, 2u, 3u, 4u, 7u, 99u, 0xffffffffu}) {
    EXPECT_EQ(LoadCode(model, encoding), Seen(Errno::kInvalidEncoding)) << encoding;
  }
}

TEST_P(WitxErrorTest, BytesThatDoNotParse) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  for (uint32_t encoding : {1, 5, 6}) {
    EXPECT_EQ(LoadCode("this is no model at all", encoding), Seen(Errno::kInvalidEncoding));
    EXPECT_EQ(LoadCode(model.substr(0, model.size() / 2), encoding), Seen(Errno::kInvalidEncoding));
    EXPECT_EQ(LoadCode(std::string(1000, '\0'), encoding), Seen(Errno::kInvalidEncoding));
  }
}

TEST_P(WitxErrorTest, NoBuilderOrSeveral) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  const auto size = static_cast<uint32_t>(model.size());
  const uint32_t data = guest().Put(AsBytes(model));
  const uint32_t builders = guest().PutU32s({data, size, data, size});
  const uint32_t out = guest().Reserve(4);
  EXPECT_EQ(guest().Call("load", {builders, 0, 1, 0, out}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("load", {builders, 2, 1, 0, out}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("load", {builders, 0xffffffff, 1, 0, out}), Errno::kInvalidArgument);
}

TEST_P(WitxErrorTest, GraphsThatAreInvalid) {
  const std::string ends =
      GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1});
  EXPECT_EQ(LoadCode(Model(Node("Relu", {"nothing"}, {"y"}) + ends)), Errno::kInvalidArgument);
  EXPECT_EQ(LoadCode(Model(ends)), Errno::kInvalidArgument);  // nothing makes y
  EXPECT_EQ(LoadCode(Model(Node("Relu", {"x"}, {"y"}) + Node("Relu", {"x"}, {"y"}) + ends)),
            Errno::kInvalidArgument);
  EXPECT_EQ(LoadCode(Model(Node("Relu", {"x", "x"}, {"y"}) + ends)), Errno::kInvalidArgument);
}

TEST_P(WitxErrorTest, OperatorsThatTheRuntimeLacks) {
  EXPECT_EQ(
      LoadCode(Model(Node("NoSuchOperator", {"x"}, {"y"}) + GraphInput("x", DType::kFloat, {1}) +
                     GraphOutput("y", DType::kFloat, {1}))),
      Errno::kUnsupportedOperation);
}

TEST_P(WitxErrorTest, Targets) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  EXPECT_EQ(LoadCode(model, 1, 2), Errno::kUnsupportedOperation);  // tpu
  EXPECT_EQ(LoadCode(model, 1, 1), Errno::kUnsupportedOperation);  // gpu
  EXPECT_EQ(LoadCode(model, 1, 4), Errno::kInvalidArgument);
  EXPECT_EQ(LoadCode(model, 1, 0xffffffff), Errno::kInvalidArgument);
}

TEST_P(WitxErrorTest, ExternalData) {
  const std::string tensor = Number(1, 1) + Number(2, 1) + Bytes(8, "w") + Number(14, 1) +
                             Bytes(13, Bytes(1, "location") + Bytes(2, "/etc/passwd"));
  EXPECT_EQ(
      LoadCode(Model(Node("Add", {"x", "w"}, {"y"}) + Bytes(5, tensor) +
                     GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1}))),
      Errno::kUnsupportedOperation);
}

TEST_P(WitxErrorTest, ModelsAndTensorsOverTheirLimits) {
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

TEST_P(WitxErrorTest, EndlessNamesAndConfigurations) {
  constexpr uint32_t kTooLong = (1 << 20) + 1;
  const uint32_t out = guest().Reserve(4);
  EXPECT_EQ(guest().Call("load_by_name", {0, kTooLong, out}), Errno::kTooLarge);
  for (const std::vector<uint32_t>& args :
       {std::vector{0u, kTooLong, 0u, 0u, out}, {0u, 0u, 0u, kTooLong, out}}) {
    EXPECT_EQ(guest().Call("load_by_name_with_config", args), Errno::kTooLarge);
  }
}

TEST_P(WitxErrorTest, GraphsAndContextsOverTheirLimits) {
  session_options_.limits = {.max_graphs = 1, .max_contexts = 1};
  Restart();
  const std::string model = IdentityModel(DType::kFloat, {1});
  ContextOn(model);
  EXPECT_EQ(LoadCode(model), Errno::kTooLarge);
  uint32_t context = kUntouched;
  EXPECT_EQ(guest().InitExecutionContext(0, &context), Errno::kTooLarge);
}

TEST_P(WitxErrorTest, OutputBufferTooSmall) {
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

TEST_P(WitxErrorTest, TensorsThatTheModelDoesNotAllow) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, 2}));
  const std::vector<int32_t> integers = {1, 2};
  EXPECT_EQ(
      guest().SetInput(context, 0, {1, 2}, Tag(DType::kInt32), std::as_bytes(std::span(integers))),
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

// What a refused tensor is told: which input, what it allows and what came.
TEST_P(WitxErrorTest, RefusalsOfTensorsSayWhatIsAllowed) {
  options_.log = &log_;
  Restart();
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, 2}));
  ASSERT_EQ(guest().SetInput(context, 0, {4, 3}, kF32, Floats(std::vector<float>(12))),
            Errno::kInvalidArgument);
  for (const char* part : {"set_input", "'x'", "float[N, 2]", "float[4, 3]"}) {
    EXPECT_NE(log_.last.find(part), std::string::npos) << part << " is not in: " << log_.last;
  }
  const uint32_t flags = ContextOn(IdentityModel(DType::kBool, {1}));
  ASSERT_EQ(guest().SetInput(flags, 0, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
  for (const char* part : {"'x'", "bool[1]", "bytes as u8"}) {
    EXPECT_NE(log_.last.find(part), std::string::npos) << part << " is not in: " << log_.last;
  }
}

TEST_P(WitxErrorTest, ScalarsAreNotLists) {
  const uint32_t scalar = ContextOn(IdentityModel(DType::kFloat, {}));
  EXPECT_EQ(guest().SetInput(scalar, 0, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
  const uint32_t list = ContextOn(IdentityModel(DType::kFloat, {1}));
  EXPECT_EQ(guest().SetInput(list, 0, {}, kF32, Floats({1})), Errno::kInvalidArgument);
}

// Runtimes may rely on a bool's being 0 or 1.
TEST_P(WitxErrorTest, BoolsThatAreNone) {
  const std::vector<std::byte> data = {std::byte{1}, std::byte{2}};
  for (GuestMemoryKind memory : {GuestMemoryKind::kExported, GuestMemoryKind::kShared}) {
    Restart(memory);
    const uint32_t context = ContextOn(IdentityModel(DType::kBool, {2}));
    EXPECT_EQ(guest().SetInput(context, 0, {2}, Tag(DType::kUint8), data), Errno::kInvalidArgument);
  }
}

TEST_P(WitxErrorTest, UnknownInputsAndOutputs) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  EXPECT_EQ(guest().SetInput(context, 1, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
  EXPECT_EQ(guest().SetInput(context, 0xffffffff, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  std::vector<std::byte> output;
  uint32_t size = 0;
  EXPECT_EQ(guest().GetOutput(context, 1, 4, &output, &size), Errno::kInvalidArgument);
}

TEST_P(WitxErrorTest, UnknownHandles) {
  const uint32_t context = ComputedContext();
  uint32_t out = kUntouched;
  std::vector<std::byte> output;
  for (uint32_t graph : {1u, 0xffffffffu}) {
    EXPECT_EQ(guest().InitExecutionContext(graph, &out), Errno::kInvalidArgument);
    EXPECT_EQ(guest().Call("unload", {graph}), Errno::kInvalidArgument);
  }
  EXPECT_EQ(out, kUntouched);
  for (uint32_t unknown : {context + 1, 0xffffffffu}) {
    EXPECT_EQ(guest().SetInput(unknown, 0, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
    EXPECT_EQ(guest().Compute(unknown), Errno::kInvalidArgument);
    EXPECT_EQ(guest().GetOutput(unknown, 0, 4, &output, &out), Errno::kInvalidArgument);
    EXPECT_EQ(guest().Call("finalize_execution_context", {unknown}), Errno::kInvalidArgument);
  }
}

TEST_P(WitxErrorTest, StaleHandles) {
  const uint32_t context = ComputedContext();
  uint32_t out = kUntouched;
  std::vector<std::byte> output;
  ASSERT_EQ(guest().Call("unload", {0}), Errno::kSuccess);
  EXPECT_EQ(guest().InitExecutionContext(0, &out), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("unload", {0}), Errno::kInvalidArgument);
  ASSERT_EQ(guest().Call("finalize_execution_context", {context}), Errno::kSuccess);
  EXPECT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Compute(context), Errno::kInvalidArgument);
  EXPECT_EQ(guest().GetOutput(context, 0, 4, &output, &out), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("finalize_execution_context", {context}), Errno::kInvalidArgument);
}

TEST_P(WitxErrorTest, StreamingCalls) {
  const uint32_t context = ComputedContext();
  const uint32_t buffer = guest().Reserve(8);
  EXPECT_EQ(guest().Call("compute_single", {context}), Errno::kUnsupportedOperation);
  EXPECT_EQ(guest().Call("get_output_single", {context, 0, buffer, 4, buffer + 4}),
            Errno::kUnsupportedOperation);
  EXPECT_EQ(guest().Call("fini_single", {context}), Errno::kUnsupportedOperation);
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess);  // and it lives on
}

TEST_P(WitxErrorTest, ComputeWithAnInputMissing) {
  const uint32_t context =
      ContextOn(Model(Node("Add", {"a", "b"}, {"y"}) + GraphInput("a", DType::kFloat, {1}) +
                      GraphInput("b", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1})));
  EXPECT_EQ(guest().Compute(context), Errno::kInvalidArgument);
  ASSERT_EQ(guest().SetInput(context, 1, {1}, kF32, Floats({1})), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kInvalidArgument);
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess);
}

TEST_P(WitxErrorTest, UnknownGraphName) {
  uint32_t graph = kUntouched;
  EXPECT_EQ(guest().LoadByName("nobody", &graph), Errno::kNotFound);
  EXPECT_EQ(guest().LoadByName("", &graph), Errno::kNotFound);
  EXPECT_EQ(guest().LoadByName("../models", &graph), Errno::kNotFound);
}

TEST_P(WitxErrorTest, OutputBeforeCompute) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  std::vector<std::byte> output;
  uint32_t size = 0;
  EXPECT_EQ(guest().GetOutput(context, 0, 4, &output, &size), Errno::kRuntimeError);
}

TEST_P(WitxErrorTest, OutputOfAnInputThatIsNoMore) {
  // Its output lies where the input does.
  const std::string passing =
      Model(GraphInput("y", DType::kFloat, {-1}) + GraphOutput("y", DType::kFloat, {-1}));
  const uint32_t context = ContextOn(passing);
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  ASSERT_EQ(guest().SetInput(context, 0, {2}, kF32, Floats({2, 3})), Errno::kSuccess);
  std::vector<std::byte> output;
  uint32_t size = 0;
  EXPECT_EQ(guest().GetOutput(context, 0, 8, &output, &size), Errno::kRuntimeError);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(guest().GetOutput(context, 0, 8, &output, &size), Errno::kSuccess);
  EXPECT_EQ(size, 8u);
}

TEST_P(WitxErrorTest, DeadlinePassed) {
  CancellationToken token;
  session_options_.stop.cancel = &token;
  Restart();
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  ASSERT_EQ(guest().SetInput(context, 0, {1}, kF32, Floats({1})), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  token.Cancel();
  EXPECT_EQ(guest().Compute(context), Errno::kRuntimeError);
}

}  // namespace
}  // namespace wnn::testing
