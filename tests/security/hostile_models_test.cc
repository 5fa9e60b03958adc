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
      {"InputLeftOut", AddsW(Node("Max", {"", "x"}, {"w"})), Code::kInvalidArgument, ""},
      {"OutputLeftOut", AddsW(Node("Dropout", {"x"}, {"", "mask"}) + Node("Relu", {"x"}, {"w"})),
       Code::kInvalidArgument, ""},
      {"Cycle", AddsW(Node("Relu", {"v"}, {"w"}) + Node("Relu", {"w"}, {"v"})),
       Code::kInvalidArgument, ""},
  };
}

std::string Floats(const std::string& name, const std::vector<int64_t>& dims,
                   const std::vector<float>& values) {
  return Initializer(name, DType::kFloat, dims, values);
}
// The model input x of one element, or a constant, as "in".
std::string Source(bool constant) {
  return constant ? Floats("in", {1}, {1}) : Node("Identity", {"x"}, {"in"});
}

// Models that are sound, and make a tensor that is larger than the host gives: of a constant, which
// is tried while loading, or of the input.
std::vector<std::pair<std::string, std::string>> Bombs(bool constant) {
  constexpr int64_t kMany = int64_t{1} << 40;
  const std::string in = Source(constant);
  // "in" of rank 4.
  const std::string image =
      in + Int64s("rank4", {1, 1, 1, 1}) + Node("Reshape", {"in", "rank4"}, {"image"});
  const std::string wide = in + Int64s("wide", {1 << 20}) + Node("Expand", {"in", "wide"}, {"row"});
  return {
      {"Expand", SumsBig(in + Int64s("shape", {1 << 20, 1 << 20}) +
                         Node("Expand", {"in", "shape"}, {"big"}))},
      {"ConstantOfShape", SumsBig(in + Int64s("shape", {1 << 20, 1 << 20}) +
                                  Node("Cast", {"in"}, {"one"}, IntAttribute("to", 7)) +
                                  Node("Mul", {"shape", "one"}, {"shape1"}) +
                                  Node("Max", {"shape1", "shape"}, {"shape2"}) +
                                  Node("ConstantOfShape", {"shape2"}, {"big"}))},
      {"Tile", SumsBig(in + Int64s("repeats", {kMany}) + Node("Tile", {"in", "repeats"}, {"big"}))},
      {"Pad", SumsBig(in + Int64s("pads", {0, kMany}) + Node("Pad", {"in", "pads"}, {"big"}))},
      {"Range", SumsBig(in + Node("Squeeze", {"in"}, {"by"}) + Floats("from", {}, {0}) +
                        Floats("to", {}, {5e11f}) + Floats("least", {}, {1}) +
                        Node("Max", {"by", "least"}, {"step"}) +
                        Node("Range", {"from", "to", "step"}, {"big"}))},
      {"OneHot", SumsBig(in + Int64Scalar("depth", kMany) + Floats("values", {2}, {0, 1}) +
                         Node("Cast", {"in"}, {"index"}, IntAttribute("to", 7)) +
                         Node("OneHot", {"index", "depth", "values"}, {"big"}))},
      {"Resize", SumsBig(image + Floats("scales", {4}, {1, 1, 1 << 20, 1 << 20}) +
                         Node("Resize", {"image", "", "scales"}, {"big"}))},
      {"ConvTranspose",
       SumsBig(image + Int64s("twice", {1, 1, 2, 2}) + Node("Expand", {"image", "twice"}, {"map"}) +
               Node("ConvTranspose", {"map", "map"}, {"big"},
                    IntsAttribute("strides", {1 << 20, 1 << 20})))},
      {"Outer product", SumsBig(wide + Node("Einsum", {"row", "row"}, {"big"},
                                            StringAttribute("equation", "i,j->ij")))},
      {"MatMul of vectors",
       SumsBig(wide + Int64s("column", {-1, 1}) + Int64s("line", {1, -1}) +
               Node("Reshape", {"row", "column"}, {"a"}) +
               // Without a name, which must differ.
               Bytes(1, Bytes(1, "row") + Bytes(1, "line") + Bytes(2, "b") + Bytes(4, "Reshape")) +
               Node("MatMul", {"a", "b"}, {"big"}))},
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
    // Tract goes by the inputs that are there.
    if (GetParam() == "tract" && attack.name == std::string_view("InputLeftOut")) continue;
    const auto graph = Load(session, attack.model);
    ASSERT_FALSE(graph.has_value()) << attack.name;
    EXPECT_EQ(graph.error().code(), attack.code) << attack.name << ": " << graph.error().message();
    EXPECT_NE(graph.error().message().find(attack.reason), std::string_view::npos)
        << attack.name << ": " << graph.error().message();
  }
  ExpectStillWorks(session);
}

// Inputs and outputs that are left out where operators have them always. Some are refused, some
// work; the host goes on.
TEST_P(HostileModelTest, GapsAreNoHoles) {
  const auto model = [](const std::string& nodes) {
    return Model(nodes + GraphInput("x", DType::kFloat, {1}) + GraphOutput("y", DType::kFloat, {}));
  };
  const std::string scan_body =
      Node("Identity", {"s"}, {"s2"}) + Node("Identity", {"e"}, {"e2"}) +
      Bytes(11, Bytes(1, "s") + Bytes(2, TensorType(DType::kFloat, {}))) +
      Bytes(11, Bytes(1, "e") + Bytes(2, TensorType(DType::kFloat, {}))) +
      Bytes(12, Bytes(1, "s2") + Bytes(2, TensorType(DType::kFloat, {}))) +
      Bytes(12, Bytes(1, "e2") + Bytes(2, TensorType(DType::kFloat, {})));
  const std::string cell = Floats("w", {1, 4, 1}, {1, 1, 1, 1}) + Int64s("three", {1, 1, 1}) +
                           Node("Reshape", {"x", "three"}, {"row"});
  const std::pair<const char*, std::string> models[] = {
      {"a list's second input",
       model(Node("Concat", {"x", "", "x"}, {"y"}, IntAttribute("axis", 0)))},
      {"a list's first input", model(Node("Max", {"", "x"}, {"y"}))},
      {"Scan's first output",
       model(Floats("zero", {}, {0}) +
             Node("Scan", {"zero", "x"}, {"", "y"},
                  GraphAttribute("body", scan_body) + IntAttribute("num_scan_inputs", 1)))},
      {"LSTM's first output",
       model(cell + Node("LSTM", {"row", "w", "w"}, {"", "y"}, IntAttribute("hidden_size", 1)))},
      {"Split's first output", model(Node("Split", {"x"}, {"", "y"}, IntAttribute("axis", 0)))},
  };
  nn::Session& session = Restart();
  for (const auto& [what, bytes] : models) {
    SCOPED_TRACE(what);
    const Status status = Compute(session, bytes);
    EXPECT_TRUE(status.ok() || !status.message().empty());
  }
  ExpectStillWorks(session);
}

TEST_P(HostileModelTest, BombsDoNotGoOff) {
  nn::Session& session = Restart();
  for (const bool constant : {false, true}) {
    for (const auto& [name, model] : Bombs(constant)) {
      SCOPED_TRACE(name + (constant ? " of a constant" : " of the input"));
      const Status status = Compute(session, model);
      ASSERT_FALSE(status.ok());
      // Tract refuses some of them for reasons of its own.
      if (GetParam() == "tract") continue;
      EXPECT_EQ(status.code(), Code::kTooLarge) << status.message();
    }
  }
  ExpectStillWorks(session);
}

// Models that compute for hours, the last for less, in memory that every guest has, and that take
// no time where x0 has one element. `one_node`: ONNX Runtime stops between nodes only.
struct Endless {
  std::string name;
  std::string model;
  Shape dims;  // of x
  bool one_node = false;
};

std::vector<Endless> EndlessModels() {
  const auto model = [](const std::string& nodes, const std::vector<int64_t>& dims) {
    return Model(nodes + GraphInput("x", DType::kFloat, dims) +
                 Bytes(12, Bytes(1, "y") + Bytes(2, Bytes(1, Number(1, 1)))));
  };
  // A thousand products of [4096, 4096]: 10^14 operations.
  std::string products = Node("Identity", {"x"}, {"v0"});
  for (int i = 0; i < 1000; ++i) {
    const std::string from = Bytes(1, "v" + std::to_string(i));  // without a name: they must differ
    products += Bytes(1, from + from + Bytes(2, "v" + std::to_string(i + 1)) + Bytes(4, "MatMul"));
  }
  products += Node("ReduceSum", {"v1000"}, {"y"});
  // 10^13 rounds, if x has 4096 elements, of some hundred operations each.
  const std::string number = Bytes(2, TensorType(DType::kInt64, {}));
  const std::string yes = Bytes(2, TensorType(DType::kBool, {}));
  const std::string one = Bytes(2, TensorType(DType::kFloat, {1}));
  const std::string body = Node("Identity", {"c"}, {"c2"}) + Node("Cos", {"v"}, {"v2"}) +
                           Bytes(11, Bytes(1, "i") + number) + Bytes(11, Bytes(1, "c") + yes) +
                           Bytes(11, Bytes(1, "v") + one) + Bytes(12, Bytes(1, "c2") + yes) +
                           Bytes(12, Bytes(1, "v2") + one);
  const std::string loop =
      Int64Scalar("one", 1) + Int64Scalar("many", 10'000'000'000'000 / 4096) +
      Node("Size", {"x"}, {"n"}) + Node("Sub", {"n", "one"}, {"less"}) +
      Node("Mul", {"less", "many"}, {"rounds"}) +
      Initializer<uint8_t>("true", DType::kBool, {}, {1}) + Floats("start", {1}, {1}) +
      Node("Loop", {"rounds", "true", "start"}, {"y"}, GraphAttribute("body", body));
  // Windows as large as the map: 10^13 operations and more.
  const std::string pool = Node("AveragePool", {"x"}, {"y"},
                                IntsAttribute("kernel_shape", {4095, 4095}) +
                                    IntsAttribute("pads", {2047, 2047, 2047, 2047}));
  const std::string conv =
      Node("Conv", {"x", "x"}, {"y"}, StringAttribute("auto_pad", "SAME_UPPER"));
  const std::string einsum = Node("Einsum", std::vector<std::string>(7, "x"), {"y"},
                                  StringAttribute("equation", "ab,bc,cd,de,ef,fg,gh->ah"));
  return {
      {"MatMul", model(products, {-1, -1}), {4096, 4096}},
      {"Loop", model(loop, {-1}), {4096}},
      {"AveragePool", model(pool, {1, 1, -1, -1}), {1, 1, 4096, 4096}, true},
      {"Conv", model(conv, {1, 1, -1, -1}), {1, 1, 4096, 4096}, true},
      {"Einsum", model(einsum, {-1, -1}), {4096, 4096}, true},
  };
}

TEST_P(HostileModelTest, EndlessComputesAreStoppedAndTheContextGoesOn) {
  if (GetParam() == "tract") {
    GTEST_SKIP() << "Tract plans a thousand nodes for longer than this deadline: see tract_test";
  }
  for (const Endless& endless : EndlessModels()) {
    if (endless.one_node && GetParam() == "onnxruntime") continue;
    SCOPED_TRACE(endless.name);
    session_options_.limits.max_call_time = std::chrono::milliseconds(200);
    nn::Session& session = Restart();
    const auto graph = Load(session, endless.model);
    ASSERT_TRUE(graph.has_value()) << graph.error().message();
    const auto context = session.InitExecutionContext(*graph);
    ASSERT_TRUE(context.has_value());
    size_t n = 1;
    for (int64_t dim : endless.dims) n *= static_cast<size_t>(dim);
    const std::vector<float> ones(n, 1.0f);
    const auto set = [&](const Shape& dims, size_t count) {
      return session.SetInput(*context, 0,
                              {DType::kFloat, dims, std::as_bytes(std::span(ones).first(count))});
    };
    ASSERT_TRUE(set(endless.dims, n).ok());
    const auto begin = std::chrono::steady_clock::now();
    Status status = session.Compute(*context);
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.code(), Code::kTimeout) << status.message();
    // Hours, if it were not stopped; how soon after the deadline depends on the machine's load.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(60));
    // The same context, with little to do; again where the machine is too busy even for that.
    ASSERT_TRUE(set(Shape(endless.dims.size(), 1), 1).ok());
    status = session.Compute(*context);
    for (int i = 0; i < 100 && !status.ok() && status.code() == Code::kTimeout; ++i) {
      status = session.Compute(*context);
    }
    EXPECT_TRUE(status.ok()) << status.message();
    const auto output = session.Output(*context, 0);
    ASSERT_TRUE(output.has_value());
    EXPECT_EQ(output->data.size(), sizeof(float));
  }
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
