// wasi-nn-onnx:extension under every runtime, with the graphs and contexts of every wasi:nn.
#include <string>
#include <vector>

#include "tests/abi/wit_fixture.h"
#include "tests/support/model_bytes.h"

namespace wnn::testing {
namespace {

class Counters final : public nn::CallObserver {
 public:
  void OnCall(nn::Call call, std::chrono::nanoseconds, uint64_t bytes) override {
    (call == nn::Call::kCarryState ? carried_bytes : guest_bytes) += bytes;
  }
  uint64_t carried_bytes = 0;  // within the host
  uint64_t guest_bytes = 0;    // in and out of the guest
};

class WitExtensionTest : public WitTest {
 protected:
  struct Dimension {
    uint32_t size;  // 0 unless it is fixed
    std::string symbol;
    bool operator==(const Dimension&) const = default;
  };
  struct Value {
    std::string name;
    int type;  // -1 for none
    uint32_t onnx_type;
    bool has_dimensions;
    std::vector<Dimension> dimensions;
    bool operator==(const Value&) const = default;
  };

  // What is left of the guest reports to the observer.
  void TearDown() override {
    guest_.reset();
    nn_.reset();
  }

  // Reads the canonical ABI's list<value>.
  std::vector<Value> Values(const char* function, uint32_t graph) {
    const uint32_t out = guest().Reserve(8);
    guest().Call(function, {graph, out});
    std::vector<Value> values(guest().ReadU32(out + 4));
    uint32_t at = guest().ReadU32(out);
    for (Value& value : values) {
      value.name = guest().ReadText(at);
      const uint32_t type = guest().ReadU32(at + 8);
      value.type = (type & 0xff) == 0 ? -1 : static_cast<int>(type >> 8 & 0xff);
      value.onnx_type = guest().ReadU32(at + 12);
      value.has_dimensions = (guest().ReadU32(at + 16) & 0xff) != 0;
      const uint32_t n_dims = value.has_dimensions ? guest().ReadU32(at + 24) : 0;
      for (uint32_t i = 0; i < n_dims; ++i) {
        const uint32_t dim = guest().ReadU32(at + 20) + 20 * i;
        const bool has_size = (guest().ReadU32(dim) & 0xff) != 0;
        const bool has_symbol = (guest().ReadU32(dim + 8) & 0xff) != 0;
        value.dimensions.push_back({has_size ? guest().ReadU32(dim + 4) : 0,
                                    has_symbol ? guest().ReadText(dim + 12) : ""});
      }
      at += 28;
    }
    return values;
  }

  Counters counters_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, WitExtensionTest, EveryRuntimeAndVersion(), WitTestName);

TEST_P(WitExtensionTest, InputsAndOutputs) {
  if (std::get<0>(GetParam()) == "tract") GTEST_SKIP() << "Tract must know an input's rank";
  const std::string any = Bytes(11, Bytes(1, "any") + Bytes(2, Bytes(1, Number(1, 6))));
  const uint32_t graph = LoadOrFail(
      Model(Node("Add", {"x", "x"}, {"y"}) + Node("Not", {"flag"}, {"no"}) +
            Node("Neg", {"any"}, {"z"}) + GraphInput("x", DType::kFloat, {-1, 3}) +
            GraphInput("flag", DType::kBool, {}) + any + GraphOutput("y", DType::kFloat, {-1, 3}) +
            GraphOutput("no", DType::kBool, {}) + GraphOutput("z", DType::kInt32, {2})));
  EXPECT_EQ(Values("introspection.inputs", graph),
            (std::vector<Value>{{"x", kWitF32, 1, true, {{0, "N"}, {3, ""}}},
                                {"flag", -1, 9, true, {}},
                                {"any", kWitI32, 6, false, {}}}));
  const auto outputs = Values("introspection.outputs", graph);
  ASSERT_EQ(outputs.size(), 3u);
  EXPECT_EQ(outputs[0], (Value{"y", kWitF32, 1, true, {{0, "N"}, {3, ""}}}));
  EXPECT_EQ(outputs[2], (Value{"z", kWitI32, 6, true, {{2, ""}}}));
}

TEST_P(WitExtensionTest, Metadata) {
  if (std::get<0>(GetParam()) == "tract") GTEST_SKIP() << "Tract takes texts in UTF-8 only";
  const uint32_t graph =
      LoadOrFail(Number(1, 8) + Bytes(2, "tests") + Bytes(3, "1.2") + Bytes(4, "org.example") +
                 Number(5, 42) + Bytes(6, "Says \xff.") +
                 Bytes(7, Node("Neg", {"x"}, {"y"}) + GraphInput("x", DType::kFloat, {1}) +
                              GraphOutput("y", DType::kFloat, {1}) + Bytes(2, "negates")) +
                 Bytes(8, Number(2, 17)) + Bytes(14, Bytes(1, "key") + Bytes(2, "value")));
  const uint32_t out = guest().Reserve(64);
  guest().Call("introspection.metadata", {graph, out});
  EXPECT_EQ(guest().ReadText(out), "tests");
  EXPECT_EQ(guest().ReadText(out + 8), "1.2");
  EXPECT_EQ(guest().ReadText(out + 16), "org.example");
  EXPECT_EQ(guest().ReadU32(out + 24), 42u);
  EXPECT_EQ(guest().ReadText(out + 32), "negates");
  EXPECT_EQ(guest().ReadText(out + 40), "Says \xef\xbf\xbd.");  // U+FFFD for what is no UTF-8
  ASSERT_EQ(guest().ReadU32(out + 52), 1u);
  const uint32_t property = guest().ReadU32(out + 48);
  EXPECT_EQ(guest().ReadText(property), "key");
  EXPECT_EQ(guest().ReadText(property + 8), "value");
}

TEST_P(WitExtensionTest, StateStaysOnTheHost) {
  session_options_.observer = &counters_;
  Restart();
  const uint32_t context = ContextOn(
      Model(Node("Add", {"h0", "x"}, {"h1"}) + Node("Mul", {"h1", "x"}, {"y"}) +
            GraphInput("x", DType::kFloat, {2}) + GraphInput("h0", DType::kFloat, {2}) +
            GraphOutput("y", DType::kFloat, {2}) + GraphOutput("h1", DType::kFloat, {2})));
  ASSERT_TRUE(guest().BindOutput(context, "h1", "h0").ok);
  float sum = 0;
  for (float x : {1.0f, 2.0f, 3.0f, 4.0f}) {
    Named inputs = {{"x", Floats({x, -x})}};
    if (x == 1) inputs.emplace_back("h0", Floats({0, 0}));
    Named outputs;
    const Outcome outcome = Infer(context, inputs, {"y"}, &outputs);
    ASSERT_TRUE(outcome.ok) << outcome.message;
    sum += x;
    EXPECT_EQ(ReadFloats(outputs[0].second), (std::vector<float>{sum * x, sum * x}));
    for (const auto& [name, tensor] : outputs) guest().DropTensor(tensor);
  }
  const bool copies = std::get<0>(GetParam()) == "builtin";
  EXPECT_EQ(counters_.carried_bytes, copies ? 3u * 8 : 0u);
  EXPECT_EQ(counters_.guest_bytes, 8u + 4 * (8 + 8));
}

TEST_P(WitExtensionTest, HeldOutputsKeepTheirValue) {
  const uint32_t context =
      ContextOn(Model(Node("Add", {"x", "x"}, {"y"}) + GraphInput("x", DType::kFloat, {1}) +
                      GraphOutput("y", DType::kFloat, {1})));
  ASSERT_TRUE(guest().BindOutput(context, "0", "0").ok);
  std::vector<uint32_t> held(3);
  for (size_t i = 0; i < held.size(); ++i) {
    const Named inputs = i == 0 ? Named{{"x", Floats({1})}} : Named{};
    Named outputs;
    const Outcome outcome = Infer(context, inputs, {"y"}, &outputs);
    ASSERT_TRUE(outcome.ok) << outcome.message;
    held[i] = outputs[0].second;
  }
  for (size_t i = 0; i < held.size(); ++i) {
    EXPECT_EQ(ReadFloats(held[i]), std::vector<float>{static_cast<float>(2 << i)});
  }
  EXPECT_TRUE(guest().UnbindInput(context, "x").ok);
  Named outputs;
  ASSERT_TRUE(Infer(context, {}, {"y"}, &outputs).ok);
  EXPECT_EQ(ReadFloats(outputs[0].second), std::vector<float>{8});
}

TEST_P(WitExtensionTest, RefusalsSayWhy) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  ExpectError(guest().BindOutput(context, "z", "x"), abi::WitErrorCode::kInvalidArgument,
              "no output 'z'");
  ExpectError(guest().BindOutput(context, "y", "z"), abi::WitErrorCode::kInvalidArgument,
              "no input 'z'");
  ExpectError(guest().UnbindInput(context, "x"), abi::WitErrorCode::kInvalidArgument,
              "bound to no output");
}

TEST_P(WitExtensionTest, HostileCallsTrap) {
  const auto trap = [&](std::string_view function, const std::vector<uint32_t>& args) {
    EXPECT_FALSE(guest().TryCall(function, args).has_value()) << function;
    Restart();
  };
  trap("introspection.inputs", {77, 1024});
  trap("introspection.outputs", {77, 1024});
  trap("introspection.metadata", {77, 1024});
  trap("state.bind-output", {77, 1024, 1, 1024, 1, 1024});
  trap("state.unbind-input", {77, 1024, 1, 1024});
  const std::string model = IdentityModel(DType::kFloat, {1});
  trap("introspection.inputs", {LoadOrFail(model), 0xfffffff0});
  trap("state.bind-output", {ContextOn(model), 0xfffffff0, 8, 1024, 1, 1024});
  trap("state.bind-output", {ContextOn(model), 1024, 1, 1024, 0xffffffff, 1024});
}

}  // namespace
}  // namespace wnn::testing
