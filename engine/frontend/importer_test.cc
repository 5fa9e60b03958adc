#include "engine/frontend/importer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/testing/run_model.h"

namespace wnn::frontend {
namespace {

using testing::Attr;
using testing::ModelBuilder;
using testing::WireWriter;

Result<ImportedModel> Import(const std::vector<std::byte>& bytes, const Limits& limits = {}) {
  NullLogger log;
  return ImportModel(bytes, limits, log);
}

Status ErrorOf(const std::vector<std::byte>& bytes, const Limits& limits = {}) {
  auto model = Import(bytes, limits);
  if (model) {
    ADD_FAILURE() << "the model was imported, but should not have been";
    return OkStatus();
  }
  return std::move(model.error());
}

void ExpectError(const Status& status, Code code, std::string_view part) {
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(status.message().find(part), std::string_view::npos) << status.message();
}

// x -> Relu -> y, to which tests add.
ModelBuilder ReluModel() {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {"N", 3});
  model.Output("y", DType::kFloat, {"N", 3});
  model.Node("Relu", {"x"}, {"y"}, {}, "relu");
  return model;
}

TEST(ImporterTest, ReadsInputsOutputsAndNodes) {
  auto model = Import(ReluModel().Build());
  ASSERT_TRUE(model.has_value()) << model.error().message();
  ASSERT_EQ(model->inputs.size(), 1u);
  EXPECT_EQ(model->inputs[0].name, "x");
  EXPECT_EQ(ValueInfoToString(model->inputs[0]), "float[N, 3]");
  ASSERT_EQ(model->graph.n_nodes(), 1u);
  EXPECT_EQ(model->graph.node(0).op_type, "Relu");
  EXPECT_EQ(model->graph.node(0).opset, 13);
  EXPECT_EQ(model->graph.node(0).inputs, model->graph.inputs);
  EXPECT_EQ(model->graph.node(0).outputs, model->graph.outputs);
}

TEST(ImporterTest, StopsWhenItIsTold) {
  CancellationToken token;
  NullLogger log;
  const std::vector<std::byte> bytes = ReluModel().Build();
  StopCondition stop;
  stop.cancel = &token;
  EXPECT_TRUE(ImportModel(bytes, {}, log, nullptr, stop).has_value());
  token.Cancel();
  EXPECT_EQ(ImportModel(bytes, {}, log, nullptr, stop).error().code(), Code::kTimeout);
}

TEST(ImporterTest, BytesThatAreNoModelAreAnInvalidEncoding) {
  EXPECT_EQ(ErrorOf({}).code(), Code::kInvalidEncoding);
  EXPECT_EQ(ErrorOf(ModelBuilder::ToBytes("this is not a model")).code(), Code::kInvalidEncoding);
  EXPECT_EQ(ErrorOf(ModelBuilder::ToBytes(std::string(100, '\0'))).code(), Code::kInvalidEncoding);
  EXPECT_EQ(ErrorOf(ModelBuilder::ToBytes(std::string(100, '\xff'))).code(),
            Code::kInvalidEncoding);
  // A version without a graph; a graph without a version.
  EXPECT_EQ(ErrorOf(ModelBuilder::ToBytes(WireWriter().Varint(1, 8).bytes())).code(),
            Code::kInvalidEncoding);
  EXPECT_EQ(ErrorOf(ModelBuilder::ToBytes(WireWriter().Bytes(7, "").bytes())).code(),
            Code::kInvalidEncoding);
}

TEST(ImporterTest, NoPrefixOfAModelCrashes) {
  ModelBuilder builder = ReluModel();
  builder.Initializer<float>("w", {3}, {1, 2, 3});
  builder.Node("Add", {"y", "w"}, {"z"}, {Attr("axis", 1), Attr("names", std::vector<int64_t>{1})});
  const std::vector<std::byte> bytes = builder.Build();
  for (size_t n = 0; n < bytes.size(); ++n) {
    auto model = Import({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n)});
    EXPECT_FALSE(model.has_value()) << n;
  }
}

TEST(ImporterTest, NoChangedByteCrashes) {
  ModelBuilder builder = ReluModel();
  builder.Initializer<float>("w", {3}, {1, 2, 3});
  builder.Node("Add", {"y", "w"}, {"z"}, {Attr("axis", 1)});
  const std::vector<std::byte> bytes = builder.Build();
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (unsigned value : {0x00u, 0x01u, 0x7fu, 0x80u, 0xffu}) {
      std::vector<std::byte> changed = bytes;
      changed[i] = static_cast<std::byte>(value);
      auto model = Import(changed);
      if (!model) EXPECT_FALSE(model.error().message().empty());
    }
  }
}

TEST(ImporterTest, DeeplyNestedMessagesAreNotFollowed) {
  // A subgraph in a subgraph in a subgraph...
  WireWriter graph;
  for (int i = 0; i < 2000; ++i) {
    WireWriter attribute, node, outer;
    attribute.Bytes(1, "body").Message(6, graph).Varint(20, 5);
    node.Bytes(2, "y").Bytes(4, "Relu").Message(5, attribute);
    outer.Message(1, node);
    graph = outer;
  }
  ModelBuilder builder;
  builder.graph() = graph;
  builder.Output("y");
  EXPECT_FALSE(Import(builder.Build()).has_value());
}

TEST(ImporterTest, MissingOperatorsAreNamedWithTheirNode) {
  ModelBuilder model = ReluModel();
  model.Node("Frobnicate", {"y"}, {"z"}, {}, "frob");
  ExpectError(ErrorOf(model.Build()), Code::kUnsupportedOperation,
              "operator Frobnicate (ai.onnx 13) of node 'frob' is not implemented");
  ModelBuilder old(8);
  old.Input("x", DType::kFloat, {1});
  old.Node("Erf", {"x"}, {"y"});
  old.Output("y");
  ExpectError(ErrorOf(old.Build()), Code::kUnsupportedOperation, "implemented versions: 9 to");
}

TEST(ImporterTest, ANewerOperatorSetIsTried) {
  ModelBuilder model(1000);
  model.Input("x", DType::kFloat, {1});
  model.Node("Relu", {"x"}, {"y"});
  model.Output("y");
  EXPECT_TRUE(Import(model.Build()).has_value());
}

TEST(ImporterTest, UndefinedValuesAreNamed) {
  ModelBuilder model = ReluModel();
  model.Node("Relu", {"nowhere"}, {"z"}, {}, "lost");
  ExpectError(ErrorOf(model.Build()), Code::kInvalidArgument,
              "node 'lost' (Relu): nothing defines its input 'nowhere'");
  ModelBuilder no_output;
  no_output.Input("x", DType::kFloat, {1});
  no_output.Output("y");
  ExpectError(ErrorOf(no_output.Build()), Code::kInvalidArgument, "'y'");
}

TEST(ImporterTest, ValuesAreDefinedOnce) {
  ModelBuilder twice = ReluModel();
  twice.Node("Relu", {"x"}, {"y"}, {}, "again");
  ExpectError(ErrorOf(twice.Build()), Code::kInvalidArgument, "'y' is defined twice");
  ModelBuilder shadow = ReluModel();
  shadow.Node("Relu", {"y"}, {"x"});
  ExpectError(ErrorOf(shadow.Build()), Code::kInvalidArgument, "'x' is defined twice");
}

TEST(ImporterTest, SortsNodes) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {1});
  model.Node("Relu", {"b"}, {"y"}, {}, "last");
  model.Node("Sigmoid", {"a"}, {"b"}, {}, "middle");
  model.Node("Tanh", {"x"}, {"a"}, {}, "first");
  model.Output("y");
  auto imported = Import(model.Build());
  ASSERT_TRUE(imported.has_value()) << imported.error().message();
  EXPECT_EQ(imported->graph.node(0).name, "first");
  EXPECT_EQ(imported->graph.node(2).name, "last");
}

TEST(ImporterTest, RefusesCycles) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {1});
  model.Node("Add", {"x", "b"}, {"a"}, {}, "one");
  model.Node("Relu", {"a"}, {"b"}, {}, "two");
  model.Output("b");
  ExpectError(ErrorOf(model.Build()), Code::kInvalidArgument, "cycle through node 'one'");
}

TEST(ImporterTest, InputsWithAnInitializerAreConstants) {
  ModelBuilder model(13, 3);
  model.Input("x", DType::kFloat, {2});
  model.Input("w", DType::kFloat, {2});
  model.Initializer<float>("w", {2}, {1, 2});
  model.Node("Add", {"x", "w"}, {"y"});
  model.Output("y");
  auto imported = Import(model.Build());
  ASSERT_TRUE(imported.has_value()) << imported.error().message();
  ASSERT_EQ(imported->inputs.size(), 1u);
  EXPECT_EQ(imported->inputs[0].name, "x");
}

TEST(ImporterTest, InitializersAreChecked) {
  ModelBuilder mismatch = ReluModel();
  mismatch.Initializer<float>("w", {4}, {1, 2, 3});
  ExpectError(ErrorOf(mismatch.Build()), Code::kInvalidArgument, "initializer 'w'");
  ModelBuilder huge = ReluModel();
  huge.InitializerMessage(
      WireWriter().Varint(1, uint64_t{1} << 62).Varint(1, 8).Varint(2, 1).Bytes(8, "w"));
  ExpectError(ErrorOf(huge.Build()), Code::kInvalidArgument, "initializer 'w'");
  ModelBuilder external = ReluModel();
  external.InitializerMessage(WireWriter().Varint(1, 1).Varint(2, 1).Bytes(8, "w").Varint(14, 1));
  ExpectError(ErrorOf(external.Build()), Code::kSecurity, "initializer 'w'");
  ModelBuilder sparse = ReluModel();
  sparse.graph().Bytes(15, "");
  ExpectError(ErrorOf(sparse.Build()), Code::kInvalidEncoding, "sparse");
}

// SparseTensorProto of two floats in a tensor [2, 3].
WireWriter SparseFloats(const std::vector<int64_t>& indices, const std::vector<int64_t>& shape) {
  const int64_t n[] = {2};
  WireWriter sparse;
  sparse.Message(1, testing::TensorMessage<float>("w", n, {5, 7}));
  sparse.Message(2, testing::TensorMessage<int64_t>("", shape, indices));
  return sparse.Varint(3, 2).Varint(3, 3);
}

TEST(ImporterTest, SparseInitializersBecomeDense) {
  NullLogger log;
  const std::pair<std::vector<int64_t>, std::vector<int64_t>> forms[] = {{{1, 5}, {2}},
                                                                         {{0, 1, 1, 2}, {2, 2}}};
  for (const auto& [indices, shape] : forms) {
    ModelBuilder model = ReluModel();
    model.graph().Message(15, SparseFloats(indices, shape));
    model.Output("w");
    auto imported = ImportModel(model.Build(), {}, log);
    ASSERT_TRUE(imported.has_value()) << imported.error().message();
    const TensorPtr& w = imported->graph.fact(imported->graph.outputs.back()).constant;
    ASSERT_NE(w, nullptr);
    EXPECT_EQ(testing::ValuesOf<float>(*w), (std::vector<float>{0, 5, 0, 0, 0, 7}));
  }
  const std::pair<std::vector<int64_t>, std::vector<int64_t>> wrong[] = {
      {{1, 6}, {2}}, {{-1, 0}, {2}}, {{0, 1, 2, 0}, {2, 2}}, {{1}, {1}}};
  for (const auto& [indices, shape] : wrong) {
    ModelBuilder model = ReluModel();
    model.graph().Message(15, SparseFloats(indices, shape));
    ExpectError(ErrorOf(model.Build()), Code::kInvalidArgument, "sparse initializer 'w'");
  }
}

TEST(ImporterTest, AttributesAreChecked) {
  ModelBuilder twice;
  twice.Input("x", DType::kFloat, {1});
  twice.Node("Relu", {"x"}, {"y"}, {Attr("a", 1), Attr("a", 2)}, "relu");
  twice.Output("y");
  ExpectError(ErrorOf(twice.Build()), Code::kInvalidArgument, "attribute 'a'");
}

TEST(ImporterTest, NumbersOfInputsAndOutputsAreChecked) {
  ModelBuilder model;
  model.Input("x", DType::kFloat, {1});
  model.Node("Relu", {"x", "x"}, {"y"}, {}, "relu");
  model.Output("y");
  ExpectError(ErrorOf(model.Build()), Code::kInvalidArgument, "it has 2 inputs, not 1");
  ModelBuilder left_out;
  left_out.Input("x", DType::kFloat, {1});
  left_out.Node("Add", {"", "x"}, {"y"}, {}, "add");
  left_out.Output("y");
  ExpectError(ErrorOf(left_out.Build()), Code::kInvalidArgument, "input 0 is left out");
}

TEST(ImporterTest, AttributesThatTheOperatorLacksAreRefused) {
  ModelBuilder unknown;
  unknown.Input("x", DType::kFloat, {1});
  unknown.Node("LeakyRelu", {"x"}, {"y"}, {testing::Attr("beta", 1.0f)}, "leaky");
  unknown.Output("y");
  ExpectError(ErrorOf(unknown.Build()), Code::kInvalidArgument, "'beta'");
  ExpectError(ErrorOf(unknown.Build()), Code::kInvalidArgument, "node 'leaky' (LeakyRelu)");
  ModelBuilder type;
  type.Input("x", DType::kFloat, {1});
  type.Node("LeakyRelu", {"x"}, {"y"}, {testing::Attr("alpha", 1)}, "leaky");
  type.Output("y");
  ExpectError(ErrorOf(type.Build()), Code::kInvalidArgument, "'alpha'");
}

TEST(ImporterTest, TypesMayBeContainersToADepth) {
  // Sequences in sequences: TypeProto.sequence_type.
  auto nested = [](int depth) {
    WireWriter type = WireWriter().Message(1, WireWriter().Varint(1, 1));
    for (int i = 0; i < depth; ++i) {
      type = WireWriter().Message(4, WireWriter().Message(1, type));
    }
    ModelBuilder model = ReluModel();
    model.graph().Message(11, WireWriter().Bytes(1, "s").Message(2, type));
    return model.Build();
  };
  NullLogger log;
  auto model = ImportModel(nested(2), {}, log);
  ASSERT_TRUE(model.has_value()) << model.error().message();
  EXPECT_EQ(ValueInfoToString(model->inputs.back()), "seq(seq(float[...]))");
  ExpectError(ErrorOf(nested(40)), Code::kTooLarge, "graph input 's'");
  ModelBuilder sparse = ReluModel();  // TypeProto.sparse_tensor_type
  sparse.graph().Message(11, WireWriter().Bytes(1, "s").Message(2, WireWriter().Bytes(8, "")));
  ExpectError(ErrorOf(sparse.Build()), Code::kUnsupportedOperation, "graph input 's'");
  ModelBuilder element = ReluModel();
  element.Input("s", static_cast<DType>(99), {1});
  ExpectError(ErrorOf(element.Build()), Code::kInvalidArgument, "graph input 's'");
}

TEST(ImporterTest, HoldsTheLimits) {
  const std::vector<std::byte> bytes = ReluModel().Build();
  Limits limits;
  limits.max_model_bytes = bytes.size() - 1;
  EXPECT_EQ(ErrorOf(bytes, limits).code(), Code::kTooLarge);
  limits = {};
  limits.max_nodes = 0;
  EXPECT_EQ(ErrorOf(bytes, limits).code(), Code::kTooLarge);
  limits = {};
  limits.max_rank = 1;
  EXPECT_EQ(ErrorOf(bytes, limits).code(), Code::kTooLarge);
  ModelBuilder weights = ReluModel();
  weights.Initializer<float>("v", {2}, {1, 2});
  weights.Initializer<float>("w", {2}, {1, 2});
  limits = {};
  limits.max_memory_bytes = 12;
  EXPECT_EQ(ErrorOf(weights.Build(), limits).code(), Code::kTooLarge);
}

// One file, "weights", of the bytes 0, 1, 2, ...
class CountingFile final : public ExternalData {
 public:
  Result<uint64_t> SizeOf(std::string_view location) override {
    if (location != "weights") return NotFound("no such file");
    return uint64_t{100};
  }
  Status Read(std::string_view, uint64_t offset, std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(offset++);
    return OkStatus();
  }
};

WireWriter ExternalTensor(std::string_view location, std::string_view offset,
                          std::string_view length) {
  WireWriter tensor;
  tensor.Varint(1, 4).Varint(2, static_cast<uint64_t>(DType::kUint8)).Bytes(8, "w").Varint(14, 1);
  const std::pair<std::string_view, std::string_view> entries[] = {
      {"location", location}, {"offset", offset}, {"length", length}};
  for (const auto& [key, value] : entries) {
    if (!value.empty()) tensor.Message(13, WireWriter().Bytes(1, key).Bytes(2, value));
  }
  return tensor;
}

TEST(ImporterTest, InitializersMayLieInFiles) {
  const auto import = [](const WireWriter& tensor, ExternalData* external) {
    ModelBuilder model = ReluModel();
    model.InitializerMessage(tensor);
    NullLogger log;
    return ImportModel(model.Build(), {}, log, external);
  };
  CountingFile file;
  EXPECT_EQ(import(ExternalTensor("weights", "", ""), nullptr).error().code(), Code::kSecurity);
  auto model = import(ExternalTensor("weights", "96", "4"), &file);
  ASSERT_TRUE(model.has_value()) << model.error().message();
  for (size_t i = 0; i < model->graph.n_values(); ++i) {
    const auto& tensor = model->graph.facts()[i].constant;
    if (tensor) EXPECT_EQ(tensor->bytes()[3], std::byte{99});
  }
  const std::pair<WireWriter, Code> wrong[] = {
      {ExternalTensor("weights", "97", ""), Code::kInvalidArgument},
      {ExternalTensor("weights", "18446744073709551615", ""), Code::kInvalidArgument},
      {ExternalTensor("weights", "0", "5"), Code::kInvalidArgument},
      {ExternalTensor("weights", "x", ""), Code::kInvalidArgument},
      {ExternalTensor("others", "", ""), Code::kNotFound},
      {ExternalTensor("", "", ""), Code::kNotFound},
  };
  for (const auto& [tensor, code] : wrong) {
    EXPECT_EQ(import(tensor, &file).error().code(), code);
  }
}

TEST(ImporterTest, NamesInMessagesArePrintable) {
  ModelBuilder model = ReluModel();
  model.Node("Bad\nName\x1b", {"y"}, {"z"}, {}, std::string(1000, 'n'));
  Status status = ErrorOf(model.Build());
  EXPECT_EQ(status.message().find('\n'), std::string_view::npos);
  EXPECT_LT(status.message().size(), 400u);
}

}  // namespace
}  // namespace wnn::frontend
