// The published ways to attack a host through a model, as a table: each is refused, with its
// reason, whatever the runtime, and the host goes on.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "host/nn/session.h"
#include "tests/support/model_bytes.h"
#include "tests/support/runtimes.h"

namespace wnn::testing {
namespace {

namespace fs = std::filesystem;

std::string Named(const std::string& name) { return Bytes(8, name); }
std::string FloatType() { return Number(2, static_cast<uint64_t>(DType::kFloat)); }
std::string Raw(size_t n_bytes) { return Bytes(9, std::string(n_bytes, '\0')); }
std::string Entry(const std::string& key, const std::string& value) {
  return Bytes(13, Bytes(1, key) + Bytes(2, value));
}
std::string External(const std::string& location, const std::string& more = "") {
  return Number(1, 1) + FloatType() + Number(14, 1) + Entry("location", location) + more;
}
std::string Int64Initializer(const std::string& name, const std::vector<int64_t>& values) {
  std::string raw(values.size() * 8, '\0');
  std::memcpy(raw.data(), values.data(), raw.size());
  return Bytes(5, Number(1, values.size()) + Number(2, static_cast<uint64_t>(DType::kInt64)) +
                      Named(name) + Bytes(9, raw));
}
std::string TensorAttribute(const std::string& name, const std::string& tensor) {
  return Bytes(5, Bytes(1, name) + Bytes(5, tensor) + Number(20, 4));
}

// y = x + w, where `graph` defines w: an initialiser or a node.
std::string AddsW(const std::string& graph, const std::string& more = "") {
  return Model(graph + Node("Add", {"x", "w"}, {"y"}) + GraphInput("x", DType::kFloat, {1}) +
               GraphOutput("y", DType::kFloat, {-1})) +
         more;
}
std::string WithInitializer(const std::string& tensor) {
  return AddsW(Bytes(5, tensor + Named("w")));
}
std::string WithConstant(const std::string& tensor) {
  return AddsW(Node("Constant", {}, {"w"}, TensorAttribute("value", tensor)));
}
// y = x + ReduceSum(op(...)), so that what `nodes` make in "big" is computed.
std::string SumsBig(const std::string& nodes) {
  return Model(nodes + Node("ReduceSum", {"big"}, {"w"}) + Node("Add", {"x", "w"}, {"y"}) +
               GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {}));
}

struct Attack {
  const char* name;
  std::string model;
  Code code;
  const char* reason;  // a part of the message
};

std::vector<Attack> Attacks() {
  std::string deep;
  for (int i = 0; i < 100; ++i) {
    deep = Node("If", {"c"}, {"w"}, Bytes(5, Bytes(1, "then_branch") + Bytes(6, deep)));
  }
  std::string bomb;
  for (int i = 0; i < 40; ++i) {
    const std::string next = Bytes(7, Bytes(4, std::to_string(i + 1)) + Bytes(7, "f"));
    bomb += Bytes(25, Bytes(1, std::to_string(i)) + Bytes(10, "f") + next + next);
  }
  const std::string calls = Bytes(1, Bytes(2, "w") + Bytes(4, "0") + Bytes(7, "f"));
  const std::string itself =
      Bytes(25, Bytes(1, "0") + Bytes(10, "f") + Bytes(7, Bytes(4, "0") + Bytes(7, "f")));
  const std::string subgraph = Bytes(6, Bytes(5, External("/etc/passwd") + Named("v")));
  const std::string one_index = Number(1, 1) + Number(2, 7) + Bytes(9, std::string(8, '\x7f'));
  const std::string sparse = Bytes(15, Bytes(1, Number(1, 1) + FloatType() + Raw(4) + Named("w")) +
                                           Bytes(2, one_index) + Number(3, 4));
  const std::string sparse_file = Bytes(
      15, Bytes(1, External("/etc/passwd") + Named("w")) + Bytes(2, one_index) + Number(3, 4));
  return {
      {"ExternalParent", WithInitializer(External("../secret")), Code::kSecurity, "external files"},
      {"ExternalAbsolute", WithInitializer(External("/etc/passwd")), Code::kSecurity, "external"},
      {"ExternalInAttribute", WithConstant(External("/etc/passwd")), Code::kSecurity, "external"},
      {"ExternalInSubgraph",
       AddsW(Node("If", {"c"}, {"w"}, Bytes(5, Bytes(1, "then_branch") + subgraph))),
       Code::kSecurity, "external"},
      {"ExternalInFunction",
       AddsW(calls, Bytes(25, Bytes(1, "0") + Bytes(10, "f") +
                                  Bytes(7, Bytes(4, "Constant") +
                                               TensorAttribute("value", External("/etc/passwd"))))),
       Code::kSecurity, "external"},
      {"ExternalInSparse", AddsW(sparse_file), Code::kSecurity, "external"},
      {"AddressMarker",
       WithInitializer(External("*/_ORT_MEM_ADDR_/*", Entry("offset", "1") + Entry("length", "4"))),
       Code::kSecurity, "address"},
      {"AddressMarkerInConstant", WithConstant(External("*/_ORT_MEM_ADDR_/*")), Code::kSecurity,
       "address"},
      {"OrtFormat", Bytes(2, "xxORTMxx") + AddsW(""), Code::kInvalidEncoding, "ORT format"},
      {"EpContext",
       AddsW(Bytes(1, Bytes(2, "w") + Bytes(4, "EPContext") + Bytes(7, "com.microsoft"))),
       Code::kSecurity, "names files"},
      {"ImageDecoder", AddsW(Node("ImageDecoder", {"x"}, {"w"}, "")), Code::kSecurity,
       "ImageDecoder"},
      {"RawDataTooShort", WithInitializer(Number(1, 1000) + FloatType() + Raw(4)),
       Code::kInvalidArgument, "raw data"},
      {"RawDataTooLong", WithInitializer(Number(1, 1) + FloatType() + Raw(4000)),
       Code::kInvalidArgument, "raw data"},
      {"RawDataInAttribute", WithConstant(Number(1, 1000) + FloatType() + Raw(4)),
       Code::kInvalidArgument, "raw data"},
      {"NegativeDimension", WithInitializer(Number(1, UINT64_MAX) + FloatType() + Raw(4)),
       Code::kInvalidArgument, "negative"},
      {"OverflowingDimensions",
       WithInitializer(Number(1, uint64_t{1} << 33) + Number(1, uint64_t{1} << 33) + FloatType()),
       Code::kInvalidArgument, "too many elements"},
      {"HugeTensor", WithInitializer(Number(1, uint64_t{1} << 40) + FloatType() + Raw(4)),
       Code::kTooLarge, "limit"},
      {"MergedTensor",
       AddsW(Node("Constant", {}, {"w"},
                  Bytes(5, Bytes(1, "value") + Bytes(5, Number(1, 2) + FloatType() + Raw(8)) +
                               Bytes(5, Number(1, 2) + FloatType() + Raw(8)) + Number(20, 4)))),
       Code::kInvalidEncoding, "twice"},
      {"SparseIndex", AddsW(sparse), Code::kInvalidArgument, "index outside"},
      {"DeepSubgraphs", AddsW(deep), Code::kSecurity, "nested too deep"},
      {"RecursiveFunction", AddsW(calls, itself), Code::kInvalidArgument, "calls itself"},
      {"FunctionBomb", AddsW(calls, bomb), Code::kTooLarge, "nodes"},
      {"TooFewInputs", AddsW(Node("Add", {"x"}, {"w"})), Code::kInvalidArgument, ""},
      {"TooManyInputs", AddsW(Node("Relu", {"x", "x"}, {"w"})), Code::kInvalidArgument, ""},
      {"Cycle", AddsW(Node("Relu", {"v"}, {"w"}) + Node("Relu", {"w"}, {"v"})),
       Code::kInvalidArgument, ""},
  };
}

// Models that are sound, and compute more than the host gives.
std::vector<std::pair<std::string, std::string>> Bombs() {
  const std::string huge = Int64Initializer("shape", {1 << 20, 1 << 20});
  const std::string one = Bytes(5, Number(1, 1) + FloatType() + Named("one") + Raw(4));
  const std::string range = Int64Initializer("zero", {0});
  return {
      {"Expand", SumsBig(huge + one + Node("Expand", {"one", "shape"}, {"big"}))},
      {"ExpandOfTheInput", SumsBig(huge + Node("Expand", {"x", "shape"}, {"big"}))},
      {"ConstantOfShape", SumsBig(huge + Node("ConstantOfShape", {"shape"}, {"big"}))},
      {"Tile", SumsBig(Int64Initializer("repeats", {int64_t{1} << 40}) +
                       Node("Tile", {"x", "repeats"}, {"big"}))},
      {"Pad", SumsBig(Int64Initializer("pads", {0, int64_t{1} << 40}) +
                      Node("Pad", {"x", "pads"}, {"big"}))},
  };
}

class HostileModelTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    options_.runtime = RuntimeNamed(GetParam());
    if (options_.runtime == nullptr) GTEST_SKIP() << kNoRuntime;
  }
  nn::Session& Restart() {
    session_ = std::make_unique<nn::Session>(std::make_shared<nn::Environment>(options_),
                                             session_options_);
    return *session_;
  }
  static Result<nn::Handle> Load(nn::Session& session, const std::string& model) {
    return session.Load(AsBytes(model), nn::Encoding::kOnnx, runtimes::Target::kCpu);
  }
  // Loads and computes with x = [0].
  static Status Compute(nn::Session& session, const std::string& model) {
    WNN_ASSIGN_OR_RETURN(const nn::Handle graph, Load(session, model));
    WNN_ASSIGN_OR_RETURN(const nn::Handle context, session.InitExecutionContext(graph));
    const Shape dims = {1};
    const std::vector<std::byte> zero(4);
    WNN_RETURN_IF_ERROR(session.SetInput(context, 0, {DType::kFloat, dims, zero}));
    return session.Compute(context);
  }
  static void ExpectStillWorks(nn::Session& session) {
    const Status status = Compute(session, IdentityModel(DType::kFloat, {1}));
    EXPECT_TRUE(status.ok()) << status.message();
  }

  nn::EnvironmentOptions options_;
  nn::SessionOptions session_options_;
  std::unique_ptr<nn::Session> session_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, HostileModelTest, ::testing::ValuesIn(BuiltRuntimes()),
                         [](const auto& test) { return test.param; });

TEST_P(HostileModelTest, IsRefusedWithItsReason) {
  nn::Session& session = Restart();
  for (const Attack& attack : Attacks()) {
    const auto graph = Load(session, attack.model);
    ASSERT_FALSE(graph.has_value()) << attack.name;
    EXPECT_EQ(graph.error().code(), attack.code) << attack.name << ": " << graph.error().message();
    EXPECT_NE(graph.error().message().find(attack.reason), std::string_view::npos)
        << attack.name << ": " << graph.error().message();
  }
  ExpectStillWorks(session);
}

TEST_P(HostileModelTest, BombsDoNotGoOff) {
  nn::Session& session = Restart();
  for (const auto& [name, model] : Bombs()) {
    const Status status = Compute(session, model);
    ASSERT_FALSE(status.ok()) << name;
    EXPECT_EQ(status.code(), Code::kTooLarge) << name << ": " << status.message();
  }
  ExpectStillWorks(session);
}

// A thousand products of [2048, 2048]: some 10^13 operations.
std::string EndlessModel() {
  std::string nodes =
      Int64Initializer("shape", {2048, 2048}) + Node("Expand", {"x", "shape"}, {"v0"});
  for (int i = 0; i < 1000; ++i) {
    const std::string from =
        Bytes(1, "v" + std::to_string(i));  // without a name, which must differ
    nodes += Bytes(1, from + from + Bytes(2, "v" + std::to_string(i + 1)) + Bytes(4, "MatMul"));
  }
  return Model(nodes + GraphInput("x", DType::kFloat, {1}) + Node("ReduceSum", {"v1000"}, {"y"}) +
               GraphOutput("y", DType::kFloat, {1, 1}));
}

TEST_P(HostileModelTest, EndlessComputesAreStoppedAndTheContextGoesOn) {
  session_options_.limits.max_call_time = std::chrono::milliseconds(200);
  nn::Session& session = Restart();
  const auto begin = std::chrono::steady_clock::now();
  const Status stopped = Compute(session, EndlessModel());
  EXPECT_EQ(stopped.code(), Code::kTimeout) << stopped.message();
  // Hours, if it were not stopped; how soon after the deadline depends on the machine's load.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
  ExpectStillWorks(session);
}

TEST_P(HostileModelTest, AGuestsMemoryIsLimitedAndComesBack) {
  session_options_.limits.max_memory_bytes = uint64_t{64} << 20;
  nn::Session& session = Restart();
  const std::string model = WithInitializer(Number(1, 1) + FloatType() + Raw(4));
  const auto graph = Load(session, model);
  ASSERT_TRUE(graph.has_value()) << graph.error().message();
  // Contexts with an input of a megabyte each, until no more fit.
  const auto identity = Load(session, IdentityModel(DType::kUint8, {-1}));
  ASSERT_TRUE(identity.has_value());
  const std::vector<std::byte> megabyte(size_t{1} << 20);
  const Shape dims = {1 << 20};
  std::vector<nn::Handle> contexts;
  Status status;
  while (status.ok() && contexts.size() < 1000) {
    contexts.push_back(*session.InitExecutionContext(*identity));
    status = session.SetInput(contexts.back(), 0, {DType::kUint8, dims, megabyte});
  }
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_LE(contexts.size(), 65u);
  for (nn::Handle context : contexts) EXPECT_TRUE(session.FinalizeExecutionContext(context).ok());
  ExpectStillWorks(session);
  EXPECT_LT(session.memory().used_bytes(), uint64_t{1} << 20);
}

// External data of the host's own models.
class HostModelTest : public HostileModelTest {
 protected:
  void SetUp() override {
    HostileModelTest::SetUp();
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::replace(name.begin(), name.end(), '/', '_');
    outside_ = fs::path(::testing::TempDir()) / ("host_model_" + name);
    fs::remove_all(outside_);
    fs::create_directories(outside_ / "model");
    const float three = 3;
    std::ofstream(outside_ / "model/weights", std::ios::binary)
        .write(reinterpret_cast<const char*>(&three), 4);
    std::ofstream(outside_ / "secret", std::ios::binary) << "secret!!";
    fs::create_symlink("../secret", outside_ / "model/link");
    fs::create_symlink("weights", outside_ / "model/inner");
  }
  void TearDown() override { fs::remove_all(outside_); }

  // The sum of x = [4] and w, the model's external data at `location`.
  Result<float> Sum(const std::string& location) {
    const std::string model = WithInitializer(External(location));
    std::ofstream(outside_ / "model/model.onnx", std::ios::binary) << model;
    auto environment = std::make_shared<nn::Environment>(options_);
    WNN_RETURN_IF_ERROR(environment->AddNamedModel({"m", outside_ / "model"}));
    nn::Session session(environment, {});
    WNN_ASSIGN_OR_RETURN(const nn::Handle graph, session.LoadByName("m"));
    WNN_ASSIGN_OR_RETURN(const nn::Handle context, session.InitExecutionContext(graph));
    const Shape dims = {1};
    float value = 4;
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(&value, 1));
    WNN_RETURN_IF_ERROR(session.SetInput(context, 0, {DType::kFloat, dims, bytes}));
    WNN_RETURN_IF_ERROR(session.Compute(context));
    size_t needed = 0;
    WNN_ASSIGN_OR_RETURN([[maybe_unused]] size_t n, session.GetOutput(context, 0, bytes, &needed));
    return value;
  }

  fs::path outside_;
};

INSTANTIATE_TEST_SUITE_P(Runtimes, HostModelTest, ::testing::ValuesIn(BuiltRuntimes()),
                         [](const auto& test) { return test.param; });

TEST_P(HostModelTest, HasItsFilesBeneathItsDirectory) {
  for (const char* location : {"weights", "./weights", "inner"}) {
    const auto sum = Sum(location);
    ASSERT_TRUE(sum.has_value()) << location << ": " << sum.error().message();
    EXPECT_EQ(*sum, 7);
  }
}

TEST_P(HostModelTest, HasNoOtherFiles) {
  for (const std::string& location :
       {std::string("../secret"), std::string("link"), (outside_ / "secret").string(),
        std::string("/etc/passwd"), std::string("*/_ORT_MEM_ADDR_/*")}) {
    const auto sum = Sum(location);
    ASSERT_FALSE(sum.has_value()) << location;
    EXPECT_EQ(sum.error().code(), Code::kSecurity) << sum.error().message();
  }
  EXPECT_EQ(Sum("missing").error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace wnn::testing
