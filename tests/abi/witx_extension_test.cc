// wasi_nn_onnx, our extension of the witx ABI, under every runtime and in every dialect.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/abi/witx_fixture.h"

namespace wnn::testing {
namespace {

constexpr uint32_t kF32 = 1;  // in every dialect
constexpr uint32_t kNone = 0xffffffff;
constexpr uint32_t kInputs = 0, kOutputs = 1;

class Counters final : public nn::CallObserver {
 public:
  void OnCall(nn::Call call, std::chrono::nanoseconds, uint64_t bytes) override {
    if (call == nn::Call::kCarryState) {
      ++n_carried;
      carried_bytes += bytes;
    } else {
      guest_bytes += bytes;
    }
  }
  int n_carried = 0;
  uint64_t carried_bytes = 0;  // within the host
  uint64_t guest_bytes = 0;    // in and out of the guest
};

class WitxExtensionTest : public WitxTest {
 protected:
  // Calls with the buffer, its capacity and the result's address behind `args`; what was written.
  Errno Read(std::string_view function, std::vector<uint32_t> args, uint32_t capacity,
             size_t unit_bytes, std::vector<std::byte>* data, uint32_t* size) {
    const uint32_t buffer = guest().Reserve(static_cast<uint32_t>(capacity * unit_bytes));
    const uint32_t out = guest().Reserve(4);
    args.insert(args.end(), {buffer, capacity, out});
    const Errno code = guest().Call(function, args);
    *size = guest().ReadU32(out);
    const auto bytes = guest().memory().subspan(buffer, capacity * unit_bytes);
    data->assign(bytes.begin(), bytes.end());
    return code;
  }
  std::string Text(std::string_view function, const std::vector<uint32_t>& args) {
    std::vector<std::byte> data;
    uint32_t size = kUntouched;
    EXPECT_EQ(Read(function, args, 2000, 1, &data, &size), Errno::kSuccess) << function;
    return std::string(reinterpret_cast<const char*>(data.data()), size);
  }
  std::vector<uint32_t> U32s(std::string_view function, const std::vector<uint32_t>& args) {
    std::vector<std::byte> data;
    uint32_t size = kUntouched;
    EXPECT_EQ(Read(function, args, 16, 4, &data, &size), Errno::kSuccess) << function;
    std::vector<uint32_t> values(size == kNone ? 0 : size);
    if (!values.empty()) std::memcpy(values.data(), data.data(), values.size() * 4);
    return values;
  }
  uint32_t U32(std::string_view function, std::vector<uint32_t> args) {
    const uint32_t out = guest().Reserve(4);
    args.push_back(out);
    EXPECT_EQ(guest().Call(function, args), Errno::kSuccess) << function;
    return guest().ReadU32(out);
  }
  std::pair<uint32_t, uint32_t> Type(uint32_t graph, uint32_t side, uint32_t index) {
    const uint32_t out = guest().Reserve(8);
    EXPECT_EQ(guest().Call("value_type", {graph, side, index, out}), Errno::kSuccess);
    return {guest().ReadU32(out), guest().ReadU32(out + 4)};
  }
  std::pair<uint32_t, uint32_t> PutText(std::string_view text) {
    return {guest().Put(std::as_bytes(std::span(text))), static_cast<uint32_t>(text.size())};
  }

  void Set(uint32_t context, uint32_t index, const std::vector<float>& values) {
    EXPECT_EQ(guest().SetInput(context, index, {static_cast<uint32_t>(values.size())}, kF32,
                               Floats(values)),
              Errno::kSuccess);
  }
  std::vector<float> Get(uint32_t context, uint32_t index) {
    std::vector<std::byte> data;
    uint32_t size = kUntouched;
    EXPECT_EQ(guest().GetOutput(context, index, 64, &data, &size), Errno::kSuccess);
    std::vector<float> values(data.size() / 4);
    std::memcpy(values.data(), data.data(), data.size());
    return values;
  }

  // Observed from here on.
  Counters& Observe() {
    session_options_.observer = &counters_;
    Restart();
    return counters_;
  }

 private:
  Counters counters_;
};

INSTANTIATE_TEST_SUITE_P(Abi, WitxExtensionTest, EveryRuntimeAndDialect(), WitxParamName);

std::string SmallModel() {
  return Number(1, 8) + Bytes(2, "tests") + Bytes(3, "1.2") + Bytes(4, "org.example") +
         Number(5, 42) + Bytes(6, "Adds.") +
         Bytes(7, Node("Add", {"left", "right"}, {"sum"}) + Node("Not", {"flag"}, {"no"}) +
                      GraphInput("left", DType::kFloat, {-1, 3}) +
                      GraphInput("right", DType::kFloat, {}) +
                      GraphInput("flag", DType::kBool, {2}) +
                      GraphOutput("sum", DType::kFloat, {-1, 3}) +
                      GraphOutput("no", DType::kBool, {2}) + Bytes(2, "adder")) +
         Bytes(8, Number(2, 17)) + Bytes(14, Bytes(1, "author") + Bytes(2, "nobody")) +
         Bytes(14, Bytes(1, "größe") + Bytes(2, "klein"));
}

TEST_P(WitxExtensionTest, InputsAndOutputs) {
  const uint32_t graph = LoadOrFail(SmallModel());
  EXPECT_EQ(U32("value_count", {graph, kInputs}), 3u);
  EXPECT_EQ(U32("value_count", {graph, kOutputs}), 2u);
  EXPECT_EQ(Text("value_name", {graph, kInputs, 0}), "left");
  EXPECT_EQ(Text("value_name", {graph, kInputs, 2}), "flag");
  EXPECT_EQ(Text("value_name", {graph, kOutputs, 1}), "no");
  EXPECT_EQ(U32s("value_dims", {graph, kInputs, 0}), (std::vector<uint32_t>{kNone, 3}));
  EXPECT_EQ(U32s("value_dims", {graph, kInputs, 1}), std::vector<uint32_t>{});
  EXPECT_EQ(Text("value_dim_name", {graph, kInputs, 0, 0}), "N");
  EXPECT_EQ(Text("value_dim_name", {graph, kInputs, 0, 1}), "");
  // The number in WASI-NN, and ONNX's own: FLOAT is 1, BOOL 9.
  EXPECT_EQ(Type(graph, kInputs, 0), std::pair(1u, 1u));
  EXPECT_EQ(Type(graph, kOutputs, 1), std::pair(kNone, 9u));
}

TEST_P(WitxExtensionTest, TypesHaveTheDialectsNumbers) {
  for (DType dtype : {DType::kFloat16, DType::kDouble, DType::kUint8, DType::kInt32, DType::kInt64,
                      DType::kInt8}) {
    const uint32_t graph = LoadOrFail(IdentityModel(dtype, {1}));
    EXPECT_EQ(Type(graph, kInputs, 0), std::pair(TensorTypeNumber(dialect(), dtype).value_or(kNone),
                                                 static_cast<uint32_t>(dtype)));
  }
}

TEST_P(WitxExtensionTest, AnyRank) {
  if (std::get<0>(GetParam()) == "tract") GTEST_SKIP() << "Tract must know an input's rank";
  const std::string any = Bytes(11, Bytes(1, "x") + Bytes(2, Bytes(1, Number(1, 1))));
  const uint32_t graph = LoadOrFail(
      Model(Node("Identity", {"x"}, {"y"}) + any + GraphOutput("y", DType::kFloat, {1})));
  EXPECT_EQ(U32("value_dims", {graph, kInputs, 0, 0, 0}), kNone);
}

TEST_P(WitxExtensionTest, NamesBecomeIndices) {
  const uint32_t graph = LoadOrFail(SmallModel());
  const auto [name, size] = PutText("right");
  EXPECT_EQ(U32("value_index", {graph, kInputs, name, size}), 1u);
  const uint32_t out = guest().Reserve(4);
  EXPECT_EQ(guest().Call("value_index", {graph, kOutputs, name, size, out}),
            Errno::kInvalidArgument);
  EXPECT_EQ(guest().ReadU32(out), kUntouched);
  EXPECT_EQ(Text("last_error", {}),
            "the model has no output 'right'; it has 'sum', 'no', which also go by \"0\", \"1\" "
            "and so on");
}

TEST_P(WitxExtensionTest, Metadata) {
  const uint32_t graph = LoadOrFail(SmallModel());
  const char* expected[] = {"tests", "1.2", "org.example", "42", "adder", "Adds."};
  for (uint32_t field = 0; field < 6; ++field) {
    EXPECT_EQ(Text("metadata", {graph, field}), expected[field]);
  }
  EXPECT_EQ(U32("property_count", {graph}), 2u);
  EXPECT_EQ(Text("property_key", {graph, 1}), "größe");
  const auto [key, size] = PutText("größe");
  EXPECT_EQ(Text("property", {graph, key, size}), "klein");
  const uint32_t out = guest().Reserve(4);
  EXPECT_EQ(guest().Call("property", {graph, key, 2, out, 4, out}), Errno::kNotFound);
  EXPECT_EQ(guest().Call("property_key", {graph, 2, out, 4, out}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("metadata", {graph, 6, out, 4, out}), Errno::kInvalidArgument);
}

TEST_P(WitxExtensionTest, SmallBuffersLearnTheSize) {
  const uint32_t graph = LoadOrFail(SmallModel());
  for (uint32_t capacity : {0, 4}) {
    std::vector<std::byte> data;
    uint32_t size = kUntouched;
    EXPECT_EQ(Read("metadata", {graph, 0}, capacity, 1, &data, &size), Errno::kTooLarge);
    EXPECT_EQ(size, 5u);
    for (std::byte byte : data) EXPECT_EQ(byte, std::byte{0xff});
  }
  std::vector<std::byte> data;
  uint32_t size = kUntouched;
  EXPECT_EQ(Read("value_dims", {graph, kInputs, 0}, 1, 4, &data, &size), Errno::kTooLarge);
  EXPECT_EQ(size, 2u);
}

TEST_P(WitxExtensionTest, TensorsByName) {
  const uint32_t context = ContextOn(
      Model(Node("Sub", {"a", "b"}, {"y"}) + GraphInput("a", DType::kFloat, {-1}) +
            GraphInput("b", DType::kFloat, {-1}) + GraphOutput("y", DType::kFloat, {-1})));
  for (const auto& [name, value] : {std::pair{"b", 1.0f}, {"a", 5.0f}}) {
    const auto [address, size] = PutText(name);
    const uint32_t tensor = guest().PutTensor({1}, kF32, Floats({value}));
    EXPECT_EQ(guest().Call("set_input_by_name", {context, address, size, tensor}), Errno::kSuccess);
  }
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(U32s("output_dims", {context, 0}), std::vector<uint32_t>{1});
  const auto [name, size] = PutText("y");
  EXPECT_EQ(U32s("output_dims_by_name", {context, name, size}), std::vector<uint32_t>{1});
  std::vector<std::byte> data;
  uint32_t n_bytes = 0;
  EXPECT_EQ(Read("get_output_by_name", {context, name, size}, 4, 1, &data, &n_bytes),
            Errno::kSuccess);
  EXPECT_EQ(std::memcmp(data.data(), Floats({4}).data(), 4), 0);
  const uint32_t tensor = guest().PutTensor({1}, kF32, Floats({0}));
  EXPECT_EQ(guest().Call("set_input_by_name", {context, name, size, tensor}),
            Errno::kInvalidArgument);
  EXPECT_NE(Text("last_error", {}).find("no input 'y'"), std::string::npos);
}

TEST_P(WitxExtensionTest, OutputsHaveTheShapeThatCameOut) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, 2}));
  const uint32_t out = guest().Reserve(4);
  EXPECT_EQ(guest().Call("output_dims", {context, 0, out, 0, out}), Errno::kRuntimeError);
  for (uint32_t batch : {1, 5, 2}) {
    const std::vector<float> values(batch * 2);
    ASSERT_EQ(guest().SetInput(context, 0, {batch, 2}, kF32, Floats(values)), Errno::kSuccess);
    ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
    EXPECT_EQ(U32s("output_dims", {context, 0}), (std::vector<uint32_t>{batch, 2}));
  }
}

TEST_P(WitxExtensionTest, OutputsHaveTheTypeThatCameOut) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  const uint32_t out = guest().Reserve(8);
  EXPECT_EQ(guest().Call("output_type", {context, 0, out}), Errno::kRuntimeError);
  Set(context, 0, {1});
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  const auto [name, size] = PutText("0");
  for (const auto& [function, args] : std::vector<std::pair<const char*, std::vector<uint32_t>>>{
           {"output_type", {context, 0, out}},
           {"output_type_by_name", {context, name, size, out}}}) {
    EXPECT_EQ(guest().Call(function, args), Errno::kSuccess);
    EXPECT_EQ(guest().ReadU32(out), kF32);
    EXPECT_EQ(guest().ReadU32(out + 4), static_cast<uint32_t>(DType::kFloat));
  }
  const uint32_t of_bools = ContextOn(IdentityModel(DType::kBool, {1}));
  ASSERT_EQ(guest().SetInput(of_bools, 0, {1}, Tag(DType::kUint8), std::vector<std::byte>(1)), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(of_bools), Errno::kSuccess);
  EXPECT_EQ(guest().Call("output_type", {of_bools, 0, out}), Errno::kSuccess);
  EXPECT_EQ(guest().ReadU32(out), kNone);
  EXPECT_EQ(guest().ReadU32(out + 4), static_cast<uint32_t>(DType::kBool));
}

// --- the last error ----------------------------------------------------------------------------

TEST_P(WitxExtensionTest, TheLastErrorStaysUntilTheNext) {
  EXPECT_EQ(Text("last_error", {}), "");
  guest().Compute(77);
  const std::string first = Text("last_error", {});
  EXPECT_NE(first.find("handle 77"), std::string::npos) << first;
  ContextOn(IdentityModel(DType::kFloat, {1}));
  EXPECT_EQ(Text("last_error", {}), first);
  std::vector<std::byte> data;
  uint32_t size = 0;
  EXPECT_EQ(Read("last_error", {}, 3, 1, &data, &size), Errno::kTooLarge);
  EXPECT_EQ(size, first.size());
  EXPECT_EQ(Text("last_error", {}), first);
  guest().Compute(78);
  EXPECT_NE(Text("last_error", {}), first);
}

// --- state ---------------------------------------------------------------------------------------

// A recurrent cell: h1 = h0 + x, y = h1 * x.
std::string Cell() {
  return Model(Node("Add", {"h0", "x"}, {"h1"}) + Node("Mul", {"h1", "x"}, {"y"}) +
               GraphInput("x", DType::kFloat, {2}) + GraphInput("h0", DType::kFloat, {2}) +
               GraphOutput("y", DType::kFloat, {2}) + GraphOutput("h1", DType::kFloat, {2}));
}

TEST_P(WitxExtensionTest, StateStaysOnTheHost) {
  Counters& counters = Observe();
  const uint32_t context = ContextOn(Cell());
  Set(context, 1, {0, 0});
  ASSERT_EQ(guest().Call("bind_output", {context, 1, 1}), Errno::kSuccess);
  float sum = 0;
  for (float x : {1.0f, 2.0f, 3.0f, 4.0f, 5.0f}) {
    Set(context, 0, {x, -x});
    ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
    sum += x;
    EXPECT_EQ(Get(context, 0), (std::vector<float>{sum * x, sum * x}));
  }
  EXPECT_EQ(Get(context, 1), (std::vector<float>{15, -15}));
  EXPECT_EQ(counters.n_carried, 4);
  // Once with one runtime; the other makes the output's own memory the input's.
  const bool copies = std::get<0>(GetParam()) == "builtin";
  EXPECT_EQ(counters.carried_bytes, copies ? 4u * 8 : 0u);
  EXPECT_EQ(counters.guest_bytes, 8u + 5 * (8 + 8) + 8);
}

TEST_P(WitxExtensionTest, StateByName) {
  const uint32_t context = ContextOn(Cell());
  Set(context, 1, {0, 0});
  const auto [out, n_out] = PutText("h1");
  const auto [in, n_in] = PutText("h0");
  EXPECT_EQ(guest().Call("bind_output_by_name", {context, in, n_in, out, n_out}),
            Errno::kInvalidArgument);
  ASSERT_EQ(guest().Call("bind_output_by_name", {context, out, n_out, in, n_in}), Errno::kSuccess);
  Set(context, 0, {1, 2});
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(Get(context, 1), (std::vector<float>{2, 4}));
  ASSERT_EQ(guest().Call("unbind_input_by_name", {context, in, n_in}), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(Get(context, 1), (std::vector<float>{2, 4}));
}

TEST_P(WitxExtensionTest, StateByComputesAlone) {
  const uint32_t context =
      ContextOn(Model(Node("Add", {"x", "x"}, {"y"}) + GraphInput("x", DType::kFloat, {1}) +
                      GraphOutput("y", DType::kFloat, {1})));
  Set(context, 0, {1});
  ASSERT_EQ(guest().Call("bind_output", {context, 0, 0}), Errno::kSuccess);
  for (float expected : {2.0f, 4.0f, 8.0f, 16.0f, 32.0f}) {
    ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
    EXPECT_EQ(Get(context, 0), std::vector<float>{expected});
  }
}

// ONNX Runtime wants the names of nodes to differ, if they have any.
std::string Identity(const std::string& from, const std::string& to) {
  return Bytes(1, Bytes(1, from) + Bytes(2, to) + Bytes(4, "Identity"));
}

// Outputs that are the inputs themselves, crosswise: a state must not be read after it was written.
TEST_P(WitxExtensionTest, StatesMayChangePlaces) {
  const uint32_t context =
      ContextOn(Model(Identity("b", "c") + Identity("a", "d") + Node("Add", {"a", "a"}, {"twice"}) +
                      GraphInput("a", DType::kFloat, {1}) + GraphInput("b", DType::kFloat, {1}) +
                      GraphOutput("c", DType::kFloat, {1}) + GraphOutput("d", DType::kFloat, {1}) +
                      GraphOutput("twice", DType::kFloat, {1})));
  Set(context, 0, {1});
  Set(context, 1, {2});
  ASSERT_EQ(guest().Call("bind_output", {context, 0, 0}), Errno::kSuccess);
  ASSERT_EQ(guest().Call("bind_output", {context, 1, 1}), Errno::kSuccess);
  for (float a : {1.0f, 2.0f, 1.0f, 2.0f, 1.0f}) {
    ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
    EXPECT_EQ(Get(context, 0), std::vector<float>{3 - a});
    EXPECT_EQ(Get(context, 1), std::vector<float>{a});
    EXPECT_EQ(Get(context, 2), std::vector<float>{2 * a});
  }
}

TEST_P(WitxExtensionTest, OneOutputForTwoInputs) {
  const uint32_t context =
      ContextOn(Model(Node("Add", {"a", "b"}, {"y"}) + GraphInput("a", DType::kFloat, {1}) +
                      GraphInput("b", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1})));
  Set(context, 0, {1});
  Set(context, 1, {2});
  ASSERT_EQ(guest().Call("bind_output", {context, 0, 0}), Errno::kSuccess);
  ASSERT_EQ(guest().Call("bind_output", {context, 0, 1}), Errno::kSuccess);
  for (float expected : {3.0f, 6.0f, 12.0f}) {
    ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
    EXPECT_EQ(Get(context, 0), std::vector<float>{expected});
  }
}

// As a cache of attention grows.
TEST_P(WitxExtensionTest, StateThatGrows) {
  const std::string axis = Bytes(1, "axis") + Number(3, 0) + Number(20, 2);
  const uint32_t context = ContextOn(
      Model(Node("Concat", {"past", "x"}, {"present"}, Bytes(5, axis)) +
            GraphInput("x", DType::kFloat, {1}) + GraphInput("past", DType::kFloat, {-1}) +
            GraphOutput("present", DType::kFloat, {-1})));
  Set(context, 1, {});
  ASSERT_EQ(guest().Call("bind_output", {context, 0, 1}), Errno::kSuccess);
  std::vector<float> expected;
  for (float x : {1.0f, 2.0f, 3.0f, 4.0f, 5.0f}) {
    Set(context, 0, {x});
    ASSERT_EQ(guest().Compute(context), Errno::kSuccess) << Text("last_error", {});
    expected.push_back(x);
    EXPECT_EQ(Get(context, 0), expected);
  }
  Set(context, 1, {7});  // begins anew
  Set(context, 0, {8});
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(Get(context, 0), (std::vector<float>{7, 8}));
}

TEST_P(WitxExtensionTest, StateThatGrowsOverTheGuestsMemory) {
  session_options_.limits.max_memory_bytes = 1 << 18;
  Restart();
  constexpr uint32_t kStep = 4096;
  const std::string axis = Bytes(1, "axis") + Number(3, 0) + Number(20, 2);
  const uint32_t context = ContextOn(
      Model(Node("Concat", {"past", "x"}, {"present"}, Bytes(5, axis)) +
            GraphInput("x", DType::kFloat, {kStep / 4}) + GraphInput("past", DType::kFloat, {-1}) +
            GraphOutput("present", DType::kFloat, {-1})));
  Set(context, 0, std::vector<float>(kStep / 4));
  Set(context, 1, {});
  ASSERT_EQ(guest().Call("bind_output", {context, 0, 1}), Errno::kSuccess);
  uint32_t n_steps = 0;
  Errno code = Errno::kSuccess;
  while (code == Errno::kSuccess && n_steps < 100) {
    code = guest().Compute(context);
    ++n_steps;
  }
  EXPECT_EQ(code, Errno::kTooLarge) << n_steps;
  EXPECT_GT(n_steps, 4u);
  Set(context, 1, {});  // begins anew
  EXPECT_EQ(guest().Compute(context), Errno::kSuccess) << Text("last_error", {});
}

TEST_P(WitxExtensionTest, BindingWhatCannotFit) {
  const uint32_t context = ContextOn(
      Model(Identity("x", "y") + Identity("h", "z") + Node("Not", {"flag"}, {"no"}) +
            GraphInput("x", DType::kFloat, {-1}) + GraphInput("h", DType::kFloat, {2}) +
            GraphInput("flag", DType::kBool, {2}) + GraphOutput("y", DType::kFloat, {-1}) +
            GraphOutput("z", DType::kFloat, {2}) + GraphOutput("no", DType::kBool, {2})));
  EXPECT_EQ(guest().Call("bind_output", {context, 2, 1}), Errno::kInvalidArgument);
  EXPECT_EQ(Text("last_error", {}),
            "output 'no' is bool[2], which input 'h', float[2], cannot take");
  EXPECT_EQ(guest().Call("unbind_input", {context, 1}), Errno::kInvalidArgument);
  // What the model leaves open is found out when it is handed on.
  ASSERT_EQ(guest().Call("bind_output", {context, 0, 1}), Errno::kSuccess);
  Set(context, 0, {1, 2, 3});
  Set(context, 1, {4, 5});
  const std::vector<std::byte> flags(2);
  ASSERT_EQ(guest().SetInput(context, 2, {2}, Tag(DType::kUint8), flags), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(guest().Compute(context), Errno::kInvalidArgument);
  EXPECT_EQ(Text("last_error", {}).find("state from output 'y' to input 'h'"), 0u)
      << Text("last_error", {});
  // The input has its old value, and the context works on.
  ASSERT_EQ(guest().Call("unbind_input", {context, 1}), Errno::kSuccess);
  ASSERT_EQ(guest().Compute(context), Errno::kSuccess);
  EXPECT_EQ(Get(context, 1), (std::vector<float>{4, 5}));
}

TEST_P(WitxExtensionTest, SharedMemory) {
  Restart(GuestMemoryKind::kShared);
  const uint32_t graph = LoadOrFail(SmallModel());
  EXPECT_EQ(Text("value_name", {graph, kInputs, 1}), "right");
  EXPECT_EQ(U32s("value_dims", {graph, kOutputs, 0}), (std::vector<uint32_t>{kNone, 3}));
  EXPECT_EQ(Text("metadata", {graph, 4}), "adder");
}

// --- hostile arguments ---------------------------------------------------------------------------

TEST_P(WitxExtensionTest, UnknownHandlesSidesAndIndices) {
  const uint32_t graph = LoadOrFail(SmallModel());
  const uint32_t out = guest().Reserve(64);
  const std::pair<const char*, std::vector<uint32_t>> calls[] = {
      {"value_count", {graph + 1, 0, out}},
      {"value_count", {graph, 2, out}},
      {"value_index", {graph + 1, 0, out, 0, out}},
      {"value_name", {graph, 0, 3, out, 8, out}},
      {"value_name", {graph, 1, 2, out, 8, out}},
      {"value_name", {graph, kNone, 0, out, 8, out}},
      {"value_type", {graph, 0, kNone, out}},
      {"value_dims", {graph + 1, 0, 0, out, 8, out}},
      {"value_dim_name", {graph, 0, 0, 2, out, 8, out}},
      {"value_dim_name", {graph, 0, 1, 0, out, 8, out}},
      {"output_dims", {0, 0, out, 8, out}},
      {"output_dims_by_name", {0, out, 0, out, 8, out}},
      {"output_type", {0, 0, out}},
      {"output_type_by_name", {0, out, 0, out}},
      {"set_input_by_name", {0, out, 0, out}},
      {"get_output_by_name", {0, out, 0, out, 8, out}},
      {"bind_output", {0, 0, 0}},
      {"unbind_input", {0, 0}},
      {"bind_output_by_name", {0, out, 0, out, 0}},
      {"unbind_input_by_name", {0, out, 0}},
      {"metadata", {graph + 1, 0, out, 8, out}},
      {"property_count", {kNone, out}},
      {"property_key", {kNone, 0, out, 8, out}},
      {"property", {kNone, out, 0, out, 8, out}},
  };
  for (const auto& [function, args] : calls) {
    EXPECT_EQ(guest().Call(function, args), Errno::kInvalidArgument) << function;
    EXPECT_EQ(guest().ReadU32(out), kUntouched) << function;
  }
}

TEST_P(WitxExtensionTest, PointersOutsideTheMemory) {
  const uint32_t graph = LoadOrFail(SmallModel());
  const uint32_t context = ComputedContext();
  const uint32_t out = guest().Reserve(64);
  const auto [author, n] = PutText("author");
  const auto [left, n_left] = PutText("left");
  const uint32_t end = Guest::kMemoryBytes;
  for (uint32_t bad : {end - 3, end, 0xffffffffu}) {
    const std::pair<const char*, std::vector<uint32_t>> calls[] = {
        {"value_count", {graph, 0, bad}},
        {"value_index", {graph, 0, bad, 8, out}},
        {"value_index", {graph, 0, left, n_left, bad}},
        {"value_name", {graph, 0, 0, bad, 8, out}},
        {"value_name", {graph, 0, 0, out, 8, bad}},
        {"value_type", {graph, 0, 0, bad}},
        {"value_dims", {graph, 0, 0, bad, 8, out}},
        {"value_dims", {graph, 0, 0, out, 8, bad}},
        {"value_dims", {graph, 0, 0, out, 0x40000000, out}},
        {"value_dim_name", {graph, 0, 0, 0, bad, 8, out}},
        {"value_dim_name", {graph, 0, 0, 0, out, 8, bad}},
        {"output_dims", {context, 0, bad, 8, out}},
        {"output_dims", {context, 0, out, 8, bad}},
        {"output_dims_by_name", {context, bad, 8, out, 8, out}},
        {"output_type", {context, 0, bad}},
        {"output_type_by_name", {context, bad, 8, out}},
        {"set_input_by_name", {context, bad, 8, out}},
        {"get_output_by_name", {context, bad, 8, out, 8, out}},
        {"bind_output_by_name", {context, bad, 8, left, n_left}},
        {"bind_output_by_name", {context, left, n_left, bad, 8}},
        {"unbind_input_by_name", {context, bad, 8}},
        {"metadata", {graph, 0, bad, 8, out}},
        {"metadata", {graph, 0, out, 0xffffffff, out}},
        {"metadata", {graph, 0, out, 8, bad}},
        {"property_count", {graph, bad}},
        {"property_key", {graph, 0, bad, 8, out}},
        {"property_key", {graph, 0, out, 8, bad}},
        {"property", {graph, bad, 8, out, 8, out}},
        {"property", {graph, author, n, bad, 8, out}},
        {"property", {graph, author, n, out, 8, bad}},
        {"last_error", {bad, 8, out}},
        {"last_error", {out, 8, bad}},
    };
    for (const auto& [function, args] : calls) {
      EXPECT_EQ(guest().Call(function, args), Errno::kInvalidArgument) << function << " " << bad;
    }
  }
}

TEST_P(WitxExtensionTest, TextThatIsNotUtf8) {
  const uint32_t graph = LoadOrFail(SmallModel());
  const uint32_t context = ComputedContext();
  const uint32_t out = guest().Reserve(8);
  const auto [bad, n] = PutText("\xff\xfe");
  EXPECT_EQ(guest().Call("value_index", {graph, 0, bad, n, out}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("property", {graph, bad, n, out, 8, out}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("set_input_by_name", {context, bad, n, out}), Errno::kInvalidArgument);
  EXPECT_EQ(guest().Call("get_output_by_name", {context, bad, n, out, 0, out}),
            Errno::kInvalidArgument);
}

}  // namespace
}  // namespace wnn::testing
