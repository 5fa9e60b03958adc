// A test for each row of the error table in docs/abi.md, as components see it: code and words.
#include "tests/abi/wit_fixture.h"
#include "tests/support/model_bytes.h"

namespace wnn::testing {
namespace {

using abi::WitErrorCode;

class WitErrorsTest : public WitTest {};

INSTANTIATE_TEST_SUITE_P(Runtimes, WitErrorsTest, EveryRuntimeAndVersion(), WitTestName);

TEST_P(WitErrorsTest, EncodingsThatAreNotOnnx) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  for (uint32_t encoding : {0, 2, 3, 4, 5}) {
    ExpectError(guest().Load(AsBytes(model), encoding), WitErrorCode::kInvalidEncoding,
                "runs ONNX models, not");
  }
}

TEST_P(WitErrorsTest, BytesThatDoNotParse) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  for (uint32_t encoding : {1, 6}) {
    for (const std::string& bytes : {std::string(), std::string("this is no model at all"),
                                     model.substr(0, model.size() / 2), std::string(1000, '\0')}) {
      ExpectError(guest().Load(AsBytes(bytes), encoding), WitErrorCode::kInvalidEncoding, "");
    }
  }
}

TEST_P(WitErrorsTest, NoBuilderOrSeveral) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  const auto size = static_cast<uint32_t>(model.size());
  const uint32_t data = guest().Put(AsBytes(model));
  const uint32_t builders = guest().PutU32s({data, size, data, size});
  const uint32_t out = guest().Reserve(8);
  for (uint32_t n_builders : {0, 2}) {
    guest().Call("load", {builders, n_builders, 1, 0, out});
    ExpectError(guest().TakeOutcome(out), WitErrorCode::kInvalidArgument, "one builder");
  }
}

TEST_P(WitErrorsTest, GraphsThatAreInvalid) {
  const std::string ends =
      GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1});
  ExpectError(guest().Load(AsBytes(Model(Node("Relu", {"nothing"}, {"y"}) + ends))),
              WitErrorCode::kInvalidArgument, "nothing");
  ExpectError(guest().Load(AsBytes(Model(ends))), WitErrorCode::kInvalidArgument, "y");
}

TEST_P(WitErrorsTest, OperatorsThatTheRuntimeLacks) {
  ExpectError(guest().Load(AsBytes(Model(Node("NoSuchOperator", {"x"}, {"y"}) +
                                         GraphInput("x", DType::kFloat, {1}) +
                                         GraphOutput("y", DType::kFloat, {1})))),
              WitErrorCode::kUnsupportedOperation, "NoSuchOperator");
}

TEST_P(WitErrorsTest, TargetsThatAreNotThere) {
  const std::string model = IdentityModel(DType::kFloat, {1});
  ExpectError(guest().Load(AsBytes(model), 1, 2), WitErrorCode::kUnsupportedOperation, "");
  options_.allow_gpu = false;
  Restart();
  ExpectError(guest().Load(AsBytes(model), 1, 1), WitErrorCode::kUnsupportedOperation, "GPU");
}

TEST_P(WitErrorsTest, ExternalDataIsRefusedByPolicy) {
  const std::string tensor = Number(1, 1) + Number(2, 1) + Bytes(8, "w") + Number(14, 1) +
                             Bytes(13, Bytes(1, "location") + Bytes(2, "/etc/passwd"));
  ExpectError(guest().Load(AsBytes(Model(Node("Add", {"x", "w"}, {"y"}) + Bytes(5, tensor) +
                                         GraphInput("x", DType::kFloat, {1}) +
                                         GraphOutput("y", DType::kFloat, {1})))),
              WitErrorCode::kSecurity, "external files");
}

TEST_P(WitErrorsTest, ModelsAndTensorsOverTheirLimits) {
  options_.limits.max_model_bytes = 100;
  Restart();
  ExpectError(guest().Load(AsBytes(Model(Bytes(10, std::string(200, 'a'))))),
              WitErrorCode::kTooLarge, "the limit is 100");
  options_.limits = {};
  options_.limits.max_tensor_bytes = 7;
  options_.limits.max_rank = 2;
  Restart();
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, -1}));
  const std::vector<std::byte> data(8);
  ExpectError(InferOne(context, guest().NewTensor({2, 1}, kWitF32, data)), WitErrorCode::kTooLarge,
              "8 bytes, the limit is 7");
  ExpectError(InferOne(context, guest().NewTensor({1, 1, 1}, kWitF32, std::span(data).first(4))),
              WitErrorCode::kTooLarge, "3 dimensions, the limit is 2");
  EXPECT_TRUE(InferOne(context, guest().NewTensor({1, 1}, kWitF32, std::span(data).first(4))).ok);
}

TEST_P(WitErrorsTest, ReadingATensorThatIsTooLargeTraps) {
  options_.limits.max_tensor_bytes = 7;
  Restart();
  const uint32_t tensor = Floats({1, 2});
  const uint32_t out = guest().Reserve(8);
  EXPECT_FALSE(guest().TryCall("tensor.data", {tensor, out}).has_value());
  EXPECT_NE(guest().trap().find("the limit is 7"), std::string::npos) << guest().trap();
}

TEST_P(WitErrorsTest, TensorsThatTheModelDoesNotAllow) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {-1, 2}));
  const std::vector<std::byte> data(12);
  const auto refused = [&](const std::vector<uint32_t>& dims, uint32_t type, size_t size) {
    ExpectError(InferOne(context, guest().NewTensor(dims, type, std::span(data).first(size))),
                WitErrorCode::kInvalidArgument, "x");
  };
  refused({1, 2}, kWitI32, 8);
  refused({1, 2}, kWitU8, 2);
  refused({2}, kWitF32, 8);
  refused({1, 3}, kWitF32, 12);
  refused({1, 2}, kWitF32, 4);
  refused({1, 2}, kWitF32, 7);
  refused({1, 2}, kWitF32, 12);
  refused({0xffffffff, 2}, kWitF32, 8);
  refused({0xffffffff, 0xffffffff, 0xffffffff}, kWitF32, 8);  // their product leaves 64 bits
  EXPECT_TRUE(InferOne(context, guest().NewTensor({1, 2}, kWitF32, std::span(data).first(8))).ok);
}

TEST_P(WitErrorsTest, BoolsThatAreNone) {
  const uint32_t context = ContextOn(IdentityModel(DType::kBool, {2}));
  const std::vector<std::byte> data = {std::byte{1}, std::byte{2}};
  ExpectError(InferOne(context, guest().NewTensor({2}, kWitU8, data)),
              WitErrorCode::kInvalidArgument, "bool");
}

TEST_P(WitErrorsTest, UnknownInputsAndOutputs) {
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  for (const char* name : {"y", "1", "", "X", "-0", "4294967296", "99999999999999999999", " 0"}) {
    ExpectError(InferOne(context, Floats({1}), nullptr, name), WitErrorCode::kInvalidArgument,
                "no input '" + std::string(name) + "'; it has 'x'");
  }
  if (version() == WitVersion::k20241028) return;
  ASSERT_TRUE(InferOne(context, Floats({1})).ok);
  for (const char* name : {"x", "1", ""}) {
    ExpectError(guest().GetOutput(context, name), WitErrorCode::kInvalidArgument,
                "no output '" + std::string(name) + "'; it has 'y'");
  }
}

TEST_P(WitErrorsTest, ComputeWithAnInputMissing) {
  const uint32_t context =
      ContextOn(Model(Node("Add", {"a", "b"}, {"y"}) + GraphInput("a", DType::kFloat, {1}) +
                      GraphInput("b", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {1})));
  Named outputs;
  ExpectError(Infer(context, {}, {"y"}, &outputs), WitErrorCode::kInvalidArgument, "");
  ExpectError(Infer(context, {{"b", Floats({1})}}, {"y"}, &outputs), WitErrorCode::kInvalidArgument,
              "a");
  EXPECT_TRUE(Infer(context, {{"a", Floats({1})}}, {"y"}, &outputs).ok);
}

TEST_P(WitErrorsTest, UnknownGraphName) {
  for (const char* name : {"nobody", "", "../models"}) {
    ExpectError(guest().LoadByName(name), WitErrorCode::kNotFound, name);
  }
}

TEST_P(WitErrorsTest, OutputBeforeCompute) {
  if (version() == WitVersion::k20241028) GTEST_SKIP() << "2024-10-28 has no get-output";
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  ExpectError(guest().GetOutput(context, "y"), WitErrorCode::kRuntimeError, "compute");
  ASSERT_TRUE(InferOne(context, Floats({1})).ok);
  ASSERT_TRUE(guest().SetInput(context, "x", Floats({2})).ok);
}

TEST_P(WitErrorsTest, DeadlinePassed) {
  CancellationToken token;
  session_options_.stop.cancel = &token;
  Restart();
  const uint32_t context = ContextOn(IdentityModel(DType::kFloat, {1}));
  ASSERT_TRUE(InferOne(context, Floats({1})).ok);
  token.Cancel();
  ExpectError(InferOne(context, Floats({1})), WitErrorCode::kTimeout, "cancelled");
  guest_.reset();  // before the token that it was told of
  nn_.reset();
  session_.reset();
}

}  // namespace
}  // namespace wnn::testing
